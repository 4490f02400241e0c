# 原生
doc = client.discover() # 同时设置内部 api_base
print(doc.app_id, doc.auth.scopes_supported)
