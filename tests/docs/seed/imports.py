from ath import ATHGatewayClient, ATHNativeClient, AsyncATHGatewayClient, ATHError
