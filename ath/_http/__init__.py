"""HTTP/1.1 for the clients, over h11; knows nothing of ATH.

Why it exists: these calls carry the credentials of many users over shared connections. A general
client cannot see whether a server sent more than its answer, and hands the surplus to the next
call; it bounds each wait but not an attempt as a whole; and it costs three to ten times as much
CPU a call. h11, the protocol engine inside httpx, shows every byte. What is left to do on top of
it is small enough to be read:

    messages.py, limits.py      base URL, request, reply, bounds, as values
    hosts.py                    host names, as httpx reads them
    connection.py               one exchange without I/O, the same for both kinds
    sockets.py, tls.py          addresses, opening, whom to trust
    idle.py                     connections that wait for their next call
    sync.py                     the exchange over sockets
    aio.py, protocol.py         the exchange over asyncio
    loops.py                    what belongs to one event loop after the other
    httpx_client.py             the same interface over httpx
    proxies.py                  the same, through the proxies that the environment names
    transports.py               which of them carries a client's calls
    opened.py                   an answer whose body is pulled piece by piece
    stream.py, stream_aio.py    the same over sockets, and over asyncio
    httpx_stream.py             the same over httpx
    sources.py, sources_aio.py  what a request sends piece by piece
    forms.py                    form data and files
    decoding.py                 content encodings
    events.py                   lines of a body, and server-sent events
    lent.py                     these calls as transports of other libraries' httpx clients
    failures.py                 what went wrong, and how far the call got

What it does not do: HTTP/2, SOCKS, protocol upgrades, redirects, cookies, caching.
``http_client=`` takes any httpx client instead, with all that it can; where the environment names
a proxy, httpx carries the calls as well, so that such settings mean what they mean there.
"""
