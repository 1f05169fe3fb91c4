#!/usr/bin/python3
"""Opens pages of `signet verify --html` in headless Chromium, and looks for what a reader would stumble over.

    look_at_pages.py CHROMIUM PICTURES PAGE...

Each page is looked at as on a phone, as on a desk in light and dark, and as printed. In each: no text of a drawing overlaps
another or leaves its drawing, and a text in a frame stays in it; nothing sticks out of the page or is cut off; letters are
not too small; the contrast of text is at least that of WCAG 2.2 AA (1.4.3). The page breaks nothing of its own policy and
asks for nothing. Pictures go to the folder PICTURES. Exits 1 if something is found, saying what.

The browser is spoken to over pipes (the DevTools protocol), so that nothing of the test is in the page."""
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

DEADLINE = 60  # seconds for one answer

VIEWS = {  # name: width, height, medium, colours
    "phone": (360, 740, "screen", "light"),
    "narrow": (320, 600, "screen", "dark"),
    "desk": (1280, 900, "screen", "light"),
    "dark": (1280, 900, "screen", "dark"),
    "print": (680, 962, "print", "light"),  # A4 less its margins, in pixels of CSS
}

LOOK = r"""
(() => {
  const found = [], say = (what, element) => found.push(what + ": " + (element.textContent || element.tagName).slice(0, 60));
  const box = (element) => element.getBoundingClientRect();
  const inside = (a, b, by) => a.left >= b.left - by && a.right <= b.right + by && a.top >= b.top - by && a.bottom <= b.bottom + by;
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) found.push("the page is wider than the screen");
  for (const element of document.body.querySelectorAll("*")) {
    const b = box(element);
    if (b.width > 0 && (b.left < -0.5 || b.right > wide + 0.5)) say("sticks out of the page", element);
    if (!element.closest("svg") && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
      say("is cut off or sticks out of its box", element);
  }
  let texts = 0;
  for (const drawing of document.querySelectorAll("svg")) {
    const frame = box(drawing), letters = [...drawing.querySelectorAll("text")];
    const marks = [...drawing.querySelectorAll(".mark")];
    const rects = [...drawing.querySelectorAll("rect")].map(box);
    texts += letters.length;
    if (!drawing.querySelector("title").textContent || !drawing.querySelector("desc").textContent)
      say("has no words for who cannot see it", drawing);
    for (const mark of marks) if (!inside(box(mark), frame, 0)) say("a mark leaves its drawing", mark);
    letters.forEach((text, i) => {
      const a = box(text);
      if (!inside(a, frame, 0)) say("leaves its drawing", text);
      if (a.height < 9) say("is too small to read", text);
      for (const rect of rects)
        if (a.top < rect.bottom && a.bottom > rect.top && !inside(a, rect, 0)) say("leaves its frame", text);
      for (const mark of marks) {
        const b = box(mark);
        if (a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top < a.bottom - 1) say("a mark covers", text);
      }
      for (const other of letters.slice(i + 1)) {
        const b = box(other);
        /* Half a pixel: rounding. */
        if (a.left < b.right - .5 && b.left < a.right - .5 && a.top < b.bottom - .5 && b.top < a.bottom - .5)
          say("overlaps " + other.textContent.slice(0, 40), text);
      }
    });
  }
  const light = (c) => [0, 1, 2].map((i) => c[i] / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const colour = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : n; };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = colour(getComputedStyle(e).backgroundColor);
      if (c) return c;
    }
    return [255, 255, 255];
  };
  const frameOf = (text) => [...text.ownerSVGElement.querySelectorAll("rect")].find((rect) => inside(box(text), box(rect), 0));
  for (const element of document.body.querySelectorAll("*")) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || ["title", "desc"].includes(element.tagName)) continue;
    const style = getComputedStyle(element), svg = element.tagName === "text";
    const ink = colour(svg ? style.fill : style.color);
    let paper = behind(element);
    const frame = svg && frameOf(element);
    if (frame && getComputedStyle(frame).fill !== "none") paper = colour(getComputedStyle(frame).fill);
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) say("has too little contrast", element);
  }
  for (const link of document.querySelectorAll("a"))
    if (!document.getElementById(link.getAttribute("href").slice(1))) say("leads nowhere", link);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("two elements have one id");
  return JSON.stringify({ found: [...new Set(found)], texts, height: document.documentElement.scrollHeight });
})()
"""


class Browser:
    def __init__(self, program):
        self.profile = tempfile.mkdtemp()
        to_read, self.to = os.pipe()
        self.answers, from_write = os.pipe()

        def descriptors():  # the browser reads 3 and writes 4
            a, b = os.dup(to_read), os.dup(from_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
             "--disable-background-networking", "--disable-dev-shm-usage", "--no-first-run",
             f"--user-data-dir={self.profile}", "about:blank"],
            close_fds=False, preexec_fn=descriptors, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=self.profile))
        os.close(to_read)
        os.close(from_write)
        self.left, self.count, self.events, self.session = b"", 0, [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(domain + ".enable")

    def message(self):
        end = time.monotonic() + DEADLINE
        while b"\0" not in self.left:
            if not select.select([self.answers], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit("the browser does not answer")
            read = os.read(self.answers, 1 << 20)
            if not read:
                sys.exit("the browser is gone")
            self.left += read
        text, _, self.left = self.left.partition(b"\0")
        return json.loads(text)

    def ask(self, method, **params):
        self.count += 1
        request = {"id": self.count, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        text = json.dumps(request).encode() + b"\0"
        while text:
            text = text[os.write(self.to, text):]
        while True:
            message = self.message()
            if message.get("id") == self.count:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def open(self, url):
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def complaints(self, url):
        """What the page asked for besides itself, and what its policy had to stop."""
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent" and params["request"]["url"].partition("#")[0] != url:
                yield "asks for " + params["request"]["url"]
            if event.get("method") == "Log.entryAdded":
                yield "the browser says: " + params["entry"]["text"]

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def look(browser, page, pictures):
    """What is wrong with a page, and how many texts its drawings have."""
    url = page.resolve().as_uri()
    browser.open(url)
    texts = 0
    for name, (width, height, medium, colours) in VIEWS.items():
        browser.ask("Emulation.setEmulatedMedia", media=medium,
                    features=[{"name": "prefers-color-scheme", "value": colours}])
        browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                    mobile=width < 400)
        answer = json.loads(browser.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"])
        yield from (f"{page.name}, {name}: {what}" for what in answer["found"])
        texts = answer["texts"]
        browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=min(answer["height"], 8000),
                    deviceScaleFactor=1, mobile=width < 400)
        picture = browser.ask("Page.captureScreenshot", format="png")
        (pictures / f"{page.stem}-{name}.png").write_bytes(base64.b64decode(picture["data"]))
    paper = browser.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
    (pictures / f"{page.stem}.pdf").write_bytes(base64.b64decode(paper["data"]))
    yield from (f"{page.name}: {what}" for what in browser.complaints(url))
    print(f"{page.name}: {texts} texts in drawings")


def main():
    program, pictures, pages = sys.argv[1], pathlib.Path(sys.argv[2]), [pathlib.Path(name) for name in sys.argv[3:]]
    pictures.mkdir(parents=True, exist_ok=True)
    browser = Browser(program)
    try:
        found = [what for page in pages for what in look(browser, page, pictures)]
    finally:
        browser.close()
    for what in found:
        print(what)
    sys.exit(1 if found else 0)


main()
