"""A headless Chromium as a person uses it, and everything that it complains of."""

import contextlib
import json
import os
import pathlib
import shutil
import time

from receiver import PATIENCE

try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:  # the tests are still collected, to be skipped
    webdriver = Service = By = Keys = None
    StaleElementReferenceException = WebDriverException = Exception

CHECKS = pathlib.Path(__file__).with_name("accessibility.js").read_text(encoding="utf-8")
# What is running when the page is at rest; the regions of statistics and charts load by themselves.
AT_REST = """const main = document.getElementById('main');
return document.readyState === 'complete' && !document.querySelector('[aria-busy]') && main.firstElementChild !== null
    && !/Loading/.test(main.textContent)"""


def missing_programs():
    """Returns what a browser needs and this machine lacks."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return missing + ([] if webdriver else ["python3-selenium"])


class Browser:
    """One window. What the browser reports as an error is kept until a test has looked at it."""

    def __init__(self, downloads):
        self.downloads = downloads
        self.address = ""
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-GB",
                         "--window-size=1280,900", *(["--no-sandbox"] if os.geteuid() == 0 else [])):
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"intl.accept_languages": "en-GB", "download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_script_timeout(30)
        self.cdp("Page.enable")
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source="""
            window.violations = [];
            document.addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));""")
        self.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        self.cdp("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
        self.cdp("Emulation.setLocaleOverride", locale="en-GB")

    def close(self):
        self.driver.quit()

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def size(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def dark(self, on):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def open(self, path):
        """Goes to an address of the console, and waits for what it shows."""
        self.driver.get(self.address + path)
        return self.at_rest()

    @property
    def path(self):
        return self.script("return location.pathname + location.search")

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def until(self, condition, what):
        """Waits for a condition; an element that the page has replaced in the meantime is looked for again."""
        def tried():
            with contextlib.suppress(StaleElementReferenceException):
                return condition()
            return None
        deadline = time.monotonic() + PATIENCE
        while not (value := tried()):
            assert time.monotonic() < deadline, f"waited in vain: {what}\nat {self.path}:\n{self.text('body')}\n{self.driver.get_log('browser')}"
            time.sleep(0.05)  # each look costs the browser something
        return value

    def at_rest(self):
        self.until(lambda: self.script(AT_REST), "the page at rest")
        return self

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """Waits for an element."""
        return self.until(lambda: next(iter(self.all(selector)), None), selector)

    def text(self, selector):
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def wait_text(self, selector, words):
        self.until(lambda: words in self.text(selector), f"{words!r} in {selector}")
        return self

    def click(self, selector):
        def clicked():
            element = self.one(selector)
            self.script("arguments[0].scrollIntoView({ block: 'center' })", element)
            try:
                element.click()
                return True
            except StaleElementReferenceException:
                return False
            except WebDriverException as error:
                if "intercepted" in str(error) or "interactable" in str(error):
                    return False
                raise
        self.until(clicked, f"to click {selector}")
        return self

    def fill(self, selector, words):
        field = self.one(selector)
        field.clear()
        field.send_keys(words)
        return self

    def choose(self, selector, value):
        """Chooses of a list as a person does, so that the page hears of it."""
        self.one(f"{selector} option[value='{value}']").click()
        return self

    def keys(self, *keys):
        """Presses keys wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)
        return self

    def tab_to(self, selector, most=80):
        """Presses the tabulator until an element has the focus, and checks that one sees where the focus is."""
        for _ in range(most):
            self.keys(Keys.TAB)
            if self.script("return document.activeElement.matches(arguments[0])", selector):
                assert self.script("return getComputedStyle(document.activeElement).outlineStyle") != "none", selector
                return self
        raise AssertionError(f"the tabulator does not reach {selector}")

    def enter(self, session):
        """Opens the log with the cookie of somebody who has signed in."""
        self.cdp("Network.setCookie", name="msgstatus_session", value=session, url=self.address, httpOnly=True, sameSite="Strict")
        return self.open("/messages")

    def sign_in(self, role, path="/messages", password="correct horse"):
        """Signs in by the form."""
        self.driver.get(self.address + path)
        self.fill("#role", role).fill("#password", password).click("#sign-in")
        self.one("#sign-out")
        self.at_rest()
        self.complaints()  # takes away that nobody was signed in
        return self

    def forget(self):
        """Leaves nothing behind of who was here."""
        if self.driver.current_url.startswith(self.address + "/"):
            self.script("localStorage.clear(); sessionStorage.clear()")
        self.cdp("Network.clearBrowserCookies")
        self.driver.get("about:blank")

    def rows(self):
        """Returns the rows of the log as dictionaries of the words that are shown."""
        return self.script("""return [...document.querySelectorAll('#log tbody tr')].map((row) =>
            Object.fromEntries([...row.cells].map((cell) => [cell.dataset.label, cell.innerText.trim()])))""")

    def complaints(self):
        """Returns what the browser has reported since the last call: errors, warnings and breaches of the policy."""
        entries = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        return entries + (self.script("return window.violations ?? []") or [])

    def controls(self):
        """Returns the nodes of the tree that assistive technology is given, as (role, name)."""
        self.cdp("Accessibility.enable")
        nodes = self.cdp("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    def accessibility(self):
        """Returns what stands in somebody's way on the page as it is."""
        named = {"button", "link", "textbox", "searchbox", "checkbox", "combobox", "image", "img", "table", "dialog", "navigation", "progressbar",
                 "DisclosureTriangle", "form", "columnheader", "DateTime"}
        controls = self.controls()
        found = [f"a {role} without a name" for role, name in controls if role in named and not name.strip()]
        roles = [role for role, _ in controls]
        found += [f"no {role}" for role in ("main", "banner", "heading") if role not in roles]
        return found + json.loads(self.script(CHECKS))
