token = client.exchange_token("auth-code", "ath_sess_...")
print(token.access_token, token.effective_scopes)
