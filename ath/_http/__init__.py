"""HTTP/1.1 for the clients, over h11; knows nothing of ATH.

Why it exists: these calls carry the credentials of many users over shared connections. A general
client cannot see whether a server sent more than its answer, and hands the surplus to the next
call; it bounds each wait but not an attempt as a whole; and it costs three to ten times as much
CPU a call. h11, the protocol engine inside httpx, shows every byte. What is left to do on top of
it is small enough to be read:

    messages.py       base URL, request, reply, limits, as values
    hosts.py          host names, as httpx reads them
    connection.py     one exchange without I/O, the same for both kinds
    failures.py       what went wrong, and how far the call got
    idle.py           connections that wait for their next call
    sockets.py        addresses, opening, whether something can be read
    tls.py            whom to trust
    sync.py, aio.py   the exchange over sockets, and over asyncio
    httpx_client.py   the same interface over httpx
    proxies.py        the same over an httpx client that knows the proxies of the environment

What it does not do: HTTP/2, SOCKS, protocol upgrades, redirects, cookies, caching, decompression.
``http_client=`` takes any httpx client instead, with all that it can; where the environment names
a proxy, httpx carries the calls as well, so that such settings mean what they mean there.
"""
