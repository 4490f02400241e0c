client.revoke()
