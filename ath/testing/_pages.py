"""What a user's browser shows: the page that asks for consent, and short notices."""

from __future__ import annotations

from html import escape

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  body { font: 1.05rem/1.5 system-ui, sans-serif; background: #f2f4f7; color: #1b2430;
         margin: 1rem; overflow-wrap: anywhere }
  main { max-width: 28rem; margin: 3rem auto; padding: 2rem; background: #fff;
         border-radius: 12px; box-shadow: 0 2px 16px #0002 }
  h1 { font-size: 1.3rem; line-height: 1.3; margin-top: 0 }
  dl { margin: 1rem 0 }
  dt, code { color: #5a6675; font-size: .9rem }
  dd { margin: 0 0 .6rem }
  label { display: block; padding: .35rem 0 }
  input[name=account] { font: inherit; padding: .2rem .4rem; width: 100%; box-sizing: border-box }
  button { font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: 8px;
           margin: 1rem .5rem 0 0; background: #dde3ea; color: inherit; cursor: pointer }
  button[value=allow] { background: #1857b8; color: #fff }
</style>
"""

CONSENT_PAGE = (
    _HEAD
    + """<title>Allow access?</title>
<main>
<h1>{{ agent }} wants access to {{ provider }}</h1>
<dl>
{% if agent_id %}<dt>The agent</dt><dd>{{ agent_id }}</dd>{% endif %}
{% if purpose %}<dt>What it says it is for</dt><dd>{{ purpose }}</dd>{% endif %}
</dl>
<form method="post">
<input type="hidden" name="csrf" value="{{ csrf }}">
<label>Your account <input name="account" value="{{ account }}" autocomplete="off"></label>
<p>Untick anything you don't want to allow:</p>
{% for scope, meaning in scopes %}
<label><input type="checkbox" name="granted" value="{{ scope }}" checked> {{ meaning }}
{% if meaning != scope %}<code>{{ scope }}</code>{% endif %}</label>
{% endfor %}
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>
</main>
"""
)
"""A Jinja template."""


def notice(text: str, note: str) -> str:
    """A page with a sentence for the user, and a note for whoever they ask about it."""
    return (
        f"{_HEAD}<title>ATH</title>\n<main>\n<h1>{escape(text)}</h1>\n"
        f"<code>{escape(note)}</code>\n</main>\n"
    )
