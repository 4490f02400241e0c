"""The rooms of ``ath/`` one by one, without a network."""
