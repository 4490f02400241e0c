client.save_credentials("creds.json")
# 之后的会话——恢复
client.load_credentials("creds.json")
# 或手动设置
client.set_credentials(client_id="ath_abc", client_secret="ath_secret_xyz")
client.set_token("ath_tk_...")
