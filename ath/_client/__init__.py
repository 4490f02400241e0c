"""What the four clients share: state, and the two drivers that carry the protocol's flows out."""
