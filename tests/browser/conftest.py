"""One Chromium for all tests here, and what they ask of a page."""

import shutil

import pytest

from tinygraph.render.viewer import _page

# As in a container: without a sandbox of its own, and without asking for anything by itself.
OPTIONS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars
--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage"""
SIZE = {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False}


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    from selenium import webdriver

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (browser and driver):
        pytest.fail("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in OPTIONS.split():
        options.add_argument(option)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield opened
    opened.quit()


class Page:
    """A page that is open. `js` runs code in which `viewer` is what the page shows."""

    def __init__(self, chromium, folder):
        self.chromium, self.folder = chromium, folder

    def open(self, content):
        text = _page(content) if isinstance(content, dict) else content
        path = self.folder / "g.html"
        path.write_text(text, "utf-8")
        self.chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        self.emulate()
        self.chromium.get_log("browser")
        self.chromium.get_log("performance")
        self.chromium.get(path.as_uri())
        assert self.complaints() == []
        return self

    def emulate(self, media="", scheme="light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.chromium.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"media": media, "features": features}
        )

    def complaints(self):
        return [entry["message"] for entry in self.chromium.get_log("browser")]

    def js(self, code, *arguments):
        return self.chromium.execute_script(
            f"const viewer = globalThis.tinygraph; {code}", *arguments
        )

    def rendered(self):
        """Wait until what was changed from outside has come to the page."""
        self.chromium.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        )

    def press(self, *keys, shift=False):
        from selenium.webdriver import ActionChains, Keys

        actions = ActionChains(self.chromium)
        if shift:
            actions.key_down(Keys.SHIFT).send_keys(*keys).key_up(Keys.SHIFT)
        else:
            actions.send_keys(*keys)
        actions.perform()

    def click(self, find):
        """Click on an item of the drawing, by code that finds it: its title, or its header."""
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        x, y = self.js(f"const at = viewer.onScreen({find}); return [at.x, at.y]")
        builder = ActionBuilder(self.chromium)
        builder.pointer_action.move_to_location(round(x), round(y)).click()
        builder.perform()
        self.rendered()

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0]).innerText", selector)

    def shown(self):
        """Titles of the nodes and closed groups that are drawn."""
        return self.js("return viewer.drawing.items.map(item => item.name || item.label)")


@pytest.fixture
def page(chromium, tmp_path):
    opened = Page(chromium, tmp_path)
    yield opened
    assert opened.complaints() == []
