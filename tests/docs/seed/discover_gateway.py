# 网关
doc = client.discover()
for p in doc.supported_providers:
    print(p.provider_id, p.available_scopes)
