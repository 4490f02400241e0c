from ath import ATHError
try:
    data = client.proxy("github", "GET", "/user")
except ATHError as e:
    print(f"[{e.code}] {e.message}")
    if e.code == "TOKEN_EXPIRED":
        # 重新授权
        pass
    elif e.code == "NOT_REGISTERED":
        # 先注册
        pass
