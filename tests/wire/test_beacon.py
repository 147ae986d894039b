"""The script in a real browser: a page is served, clicked through and closed, and the record shows it."""

import shutil
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from engine.store.lmdb import LmdbStore
from tests.wire.conftest import collecting, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
WATCHED = """
const send = navigator.sendBeacon.bind(navigator);
navigator.sendBeacon = (to, body) => {
  sessionStorage.sent = (sessionStorage.sent || "") + body;
  return send(to, body);
};
"""
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; apt-get install chromium brings one")


def test_the_script_is_under_3000_bytes_and_what_the_collector_serves(site):
    script = (ROOT / "examples" / "web" / "beacon.js").read_bytes()

    assert len(script) < 3_000
    reply = site.collector.http.get("/beacon.js")
    assert reply.content == script
    assert reply.headers["content-type"].startswith("text/javascript")


class Site:
    """The example's page on a host of its own, and a collector that takes its events."""

    def __init__(self, port, collector, state):
        self.address, self.collector, self.state = f"http://localhost:{port}", collector, state

    def kinds(self, visitor):
        """The kinds of what the record shows, by time."""
        store = LmdbStore(self.state / "store")
        record = store.load(visitor)
        store.close()
        return [(contact.kind, contact.action_key, contact.group) for contact in record.contacts] if record else []

    def visitors(self):
        store = LmdbStore(self.state / "store")
        found = [record.customer_id for record in store.scan()]
        store.close()
        return found


@contextmanager
def page_server(port, html):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def site(bundle, tmp_path_factory):
    state, port = tmp_path_factory.mktemp("visited"), free_port()
    html = (ROOT / "examples" / "web" / "index.html").read_text()
    with (
        collecting(bundle, state, [f"http://localhost:{port}"]) as collector,
        page_server(port, html.replace("localhost:8081", f"127.0.0.1:{collector.port}")),
    ):
        yield Site(port, collector, state)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser):
    context = browser.new_context()
    yield context
    context.close()


def opened(context, site):
    """A page of the site, and what it sends from now on."""
    page, sent = context.new_page(), []
    page.on("request", lambda request: sent.append(request.url) if "/v1/beacon" in request.url else None)
    page.goto(site.address)
    return page, sent


def cookies(context):
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def eventually(check, seconds=20):
    until = time.monotonic() + seconds
    while not check() and time.monotonic() < until:
        time.sleep(0.1)
    return check()


def touch_everything(page):
    page.click("[data-nba=spade_offer]")
    page.click("#review")
    with page.expect_navigation():
        page.click("#send")


EVERYTHING = [
    ("page_view", "", "garden"),
    ("click", "spade_offer", "tools"),
    ("review", "spade_offer", "tools"),
    ("submit", "newsletter", "garden"),
    ("page_view", "", "garden"),  # the form leads to the page again
]


@in_a_browser
def test_a_page_clicked_through_and_closed_is_in_the_record(context, site):
    page, _ = opened(context, site)
    page.click("#yes")
    touch_everything(page)
    page.wait_for_function("document.cookie.includes('nba_id')")
    visitor = cookies(context)["nba_id"]
    page.close()

    assert eventually(lambda: len(site.kinds(visitor)) >= len(EVERYTHING))
    assert site.kinds(visitor) == EVERYTHING


@in_a_browser
def test_what_a_visitor_types_is_never_sent(context, site):
    context.add_init_script(WATCHED)
    page, _ = opened(context, site)
    page.click("#yes")
    touch_everything(page)
    sent = page.evaluate("sessionStorage.sent")

    assert "submit" in sent
    assert not [word for word in ("anna", "email") if word in sent]


@in_a_browser
def test_where_the_browser_takes_no_beacon_the_events_are_fetched(context, site):
    context.add_init_script("navigator.sendBeacon = () => false")
    page, _ = opened(context, site)
    page.click("#yes")
    touch_everything(page)
    visitor = cookies(context)["nba_id"]
    page.close()

    assert eventually(lambda: len(site.kinds(visitor)) >= len(EVERYTHING))
    assert site.kinds(visitor) == EVERYTHING


@in_a_browser
def test_without_consent_nothing_is_stored_or_sent(context, site):
    page, sent = opened(context, site)
    before = site.visitors()
    touch_everything(page)
    page.wait_for_timeout(1_500)
    page.close()

    assert (sent, cookies(context), site.visitors()) == ([], {}, before)


@in_a_browser
def test_a_consent_withdrawn_stops_everything_and_deletes_the_id(context, site):
    page, sent = opened(context, site)
    page.click("#yes")
    assert eventually(lambda: (page.wait_for_timeout(100), bool(sent))[1])
    page.click("#no")
    sent.clear()
    touch_everything(page)
    page.wait_for_timeout(1_500)
    page.close()

    assert (sent, cookies(context)) == ([], {})


@in_a_browser
@pytest.mark.parametrize("consented", [False, True])
def test_global_privacy_control_wins_over_every_consent(context, site, consented):
    if consented:
        for name, value in (("nba_consent", "1"), ("nba_id", "0" * 8 + "-0000-4000-a000-" + "0" * 12)):
            context.add_cookies([{"name": name, "value": value, "url": site.address}])
    context.add_init_script(GPC)
    context.set_extra_http_headers({"Sec-GPC": "1"})
    page, sent = opened(context, site)
    before = site.visitors()
    page.click("#yes")
    touch_everything(page)
    page.wait_for_timeout(1_500)
    page.close()

    assert (sent, cookies(context), site.visitors()) == ([], {}, before)
