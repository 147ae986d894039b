// Events of a page to `nba capture`. Without consent, or under Global Privacy Control, nothing is stored or sent.
(() => {
  const script = document.currentScript, options = script.dataset;
  const to = options.to || new URL("/v1/beacon", script.src).href;
  const refused = () => navigator.globalPrivacyControl === true;
  let queue = [], timer = 0, started = false;

  const uuid = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0"))
    .join("").replace(/(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-a$4-");
  const cookie = (name) => (document.cookie.match(`(?:^|; )${name}=([^;]*)`) || [])[1];
  const keep = (name, value, days) => {
    document.cookie = `${name}=${value}; path=/; max-age=${days * 86400}; samesite=lax`;
  };

  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    if (!started || refused() || !queue.length) return;
    const id = cookie("nba_id") || uuid(), sent = queue.splice(0, 50), now = Date.now();
    keep("nba_id", id, 180);
    const events = sent.map((event) => Object.assign({}, event, { at: undefined, ago_ms: Math.max(0, now - event.at) }));
    const body = JSON.stringify({ id, events });
    if (!navigator.sendBeacon || !navigator.sendBeacon(to, body)) {
      fetch(to, { method: "POST", body, keepalive: true, credentials: "omit" })
        .catch(() => { queue = sent.concat(queue).slice(-50); });
    }
    flush();
  };
  const track = (kind, data) => {
    if (!started || refused()) return;
    queue.push(Object.assign({ channel: options.channel || "web" }, data, { id: uuid(), kind, at: Date.now() }));
    timer = timer || setTimeout(flush, 1000);
  };
  // Names, never what was typed.
  const names = ({ dataset }, name) =>
    ({ action_key: dataset.nba || name || "", group: dataset.nbaGroup || "", placement: dataset.nbaPlacement || "" });
  const consent = (given) => {
    given = given && !refused();
    keep("nba_consent", given ? "1" : "", given ? 180 : 0);
    if (!given) keep("nba_id", "", 0);
    if (!given) queue = [];
    const first = given && !started;
    started = given;
    if (first) track("page_view", names(document.body));
  };

  addEventListener("click", ({ target }) => {
    const element = target.closest && target.closest("[data-nba]");
    if (element && element.tagName !== "FORM") track(element.dataset.nbaKind || "click", names(element));
  }, true);
  addEventListener("submit", ({ target }) => track("submit", names(target, target.getAttribute("name"))), true);
  addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  window.nba = { track, consent };

  const said = [window.nbaConsent, options.consent && options.consent === "granted", cookie("nba_consent") === "1"];
  const begin = () => consent(said.find((word) => word === true || word === false));
  document.body ? begin() : addEventListener("DOMContentLoaded", begin);
})();
