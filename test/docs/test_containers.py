"""deb/containers/compose.yaml says what its README promises, and agrees with the Containerfiles, the packages and the programs."""

import copy
import re
import subprocess

import pages
import pytest
import yaml

FOLDER = pages.ROOT / "deb/containers"
TEXT = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SERVICES = COMPOSE["services"]
CONTAINERFILES = sorted(FOLDER.glob("*.Containerfile"))
PREFIXES = {"receiver": "MSGSTATUS_", "console": "MSGSTATUS_CONSOLE_", "refresh": "MSGSTATUS_REFRESH_"}


def problems(compose):
    """Returns what in a compose file breaks a promise of the README."""
    found = []
    published = []
    for name, service in compose["services"].items():
        def wrong(what, name=name):
            found.append(f"{name}: {what}")

        if service.get("read_only") is not True:
            wrong("its image can be written to")
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", service.get("user", "")):
            wrong("no user of its own")
        if service.get("cap_drop") != ["ALL"] or "cap_add" in service or service.get("privileged"):
            wrong("it has capabilities")
        if "no-new-privileges:true" not in service.get("security_opt", ()):
            wrong("it may gain rights")
        test = service.get("healthcheck", {}).get("test", [None])
        if test[0] != "CMD" or not {"interval", "timeout", "start_period"} <= service["healthcheck"].keys():
            wrong("no health check")
        if not any(entry.split(":")[0] == "/tmp" for entry in service.get("tmpfs", ())):
            wrong("/tmp is not in memory")
        for secret in service.get("secrets", ()):
            if not compose["secrets"].get(secret, {}).get("file", "").startswith("./secrets/"):
                wrong(f"the secret {secret} is no file")
        for variable, value in service.get("environment", {}).items():
            if re.search(r"password=|SECRET$|TOKEN$", f"{variable}={value}") and not variable.endswith("_FILE"):
                wrong(f"a secret in the environment: {variable}")
            if str(value).startswith("/run/secrets/") and value.removeprefix("/run/secrets/") not in service.get("secrets", ()):
                wrong(f"no secret for {variable}")
        for volume in service.get("volumes", ()):
            if volume.split(":")[0] not in compose["volumes"]:
                wrong(f"{volume} is not in a volume")
        for port in service.get("ports", ()):
            published.append(port)
            if not port.startswith("127.0.0.1:"):
                wrong(f"{port} is open to others")
        if name != "database" and service.get("depends_on") != {"database": {"condition": "service_healthy"}}:
            wrong("it does not wait for the database")
        if any(network not in compose["networks"] for network in service.get("networks", [None])):
            wrong("no network")
        if not {"restart", "stop_grace_period"} <= service.keys():
            wrong("it does not start again, or is killed")
    if compose["services"]["database"]["networks"] != ["inside"] or compose["networks"]["inside"] != {"internal": True}:
        found.append("the database is reached from outside")
    if len({port.split(":")[1] for port in published}) != len(published):
        found.append("a port twice")
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", ())}
    if used != compose["secrets"].keys():
        found.append(f"secrets: {used ^ compose['secrets'].keys()}")
    return found


def test_the_services_are_hardened():
    assert problems(COMPOSE) == []


@pytest.mark.parametrize("path, value", [
    (("services", "receiver", "read_only"), False), (("services", "console", "user"), "0:0"), (("services", "console", "user"), "612"),
    (("services", "refresh", "cap_drop"), []), (("services", "database", "healthcheck"), {}), (("services", "receiver", "security_opt"), []),
    (("services", "receiver", "ports"), ["8080:8080"]), (("services", "database", "networks"), ["inside", "outside"]),
    (("services", "receiver", "volumes"), ["/srv/spool:/var/lib/msgstatus"]), (("services", "receiver", "secrets"), ["receiver-password"]),
    (("services", "receiver", "environment", "MSGSTATUS_DATABASE"), "host=database password=x"),
    (("secrets", "meta-app-secret"), {"environment": "META_APP_SECRET"}), (("services", "console", "tmpfs"), []),
    (("services", "console", "depends_on"), ["database"]), (("networks", "inside"), {})])
def test_a_service_that_is_not_is_noticed(path, value):
    compose = copy.deepcopy(COMPOSE)
    place = compose
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert problems(compose)


def test_the_images_are_those_that_the_containerfiles_build():
    built = {}
    for name, service in SERVICES.items():
        if "build" in service:
            assert (FOLDER / service["build"]["context"]).resolve() == pages.ROOT
            built[service["image"]] = pages.ROOT / service["build"]["dockerfile"]
            assert service["image"] == f"localhost/msgstatus-{name}"
    assert {service["image"] for service in SERVICES.values()} == built.keys()
    assert sorted(built.values()) == CONTAINERFILES


@pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.stem)
def test_a_containerfile(path):
    """Its user is the one that compose.yaml starts, it installs a package that is built, and it needs nothing that is not in the context."""
    text = path.read_text(encoding="utf-8")
    service = SERVICES[path.stem]
    assert re.search(r"^USER (\S+)$", text, flags=re.MULTILINE)[1] == service["user"]
    uid, gid = service["user"].split(":")
    assert f"--uid {uid} --gid {gid}" in text and f"--gid {gid} " in text
    assert re.search(r"^ARG BASE=docker.io/library/debian:\w+-slim\nFROM \$\{BASE\}$", text, flags=re.MULTILINE)
    packages = re.findall(r"^Package: (\S+)$", (pages.ROOT / "deb/debian/control.in").read_text(encoding="utf-8"), flags=re.MULTILINE)
    (copied,) = re.findall(r"^COPY build/deb/(\S+)_\*\.deb", text, flags=re.MULTILINE)
    assert copied.replace("${POSTGRESQL}", "PGVERSION") in packages
    ignored = (pages.ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY --chmod=755 (.*) /\S+$", text, flags=re.MULTILINE):
        for file in line.split():
            assert f"!{file}" in ignored and (pages.ROOT / file).exists(), file
    assert {volume.split(":")[1] for volume in service.get("volumes", ())} == set(re.findall(r"^VOLUME (\S+)$", text, flags=re.MULTILINE))


def test_the_worker_has_the_user_that_the_image_makes():
    uid, gid = SERVICES["refresh"]["user"].split(":")
    assert f"--uid {uid} --gid {gid} " in (FOLDER / "console.Containerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PREFIXES)
def test_the_settings_are_settings(receiver_program, name):
    """What a program would not read is noticed, also in the lines that are commented out."""
    beside = receiver_program.with_name(f"msgstatus-{name}")
    program = beside if beside.exists() else pages.ROOT / f"build/receiver/{name}/msgstatus-{name}"
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^  --([\w-]+)", shown, flags=re.MULTILINE))
    part = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", TEXT, flags=re.MULTILINE)[1]
    variables = set(re.findall(rf"^\s+(?:# )?({PREFIXES[name]}\w+):", part, flags=re.MULTILINE))
    assert variables
    for variable in variables:
        assert variable.removeprefix(PREFIXES[name]).lower().replace("_", "-") in options, variable


def test_the_health_checks_ask_where_the_programs_listen():
    for name, prefix in PREFIXES.items():
        service = SERVICES[name]
        program, port, path = service["healthcheck"]["test"][1:]
        assert program == "answers" and service["environment"][f"{prefix}ADMIN_LISTEN"].endswith(f":{port}")
        assert path in ("/healthz", "/readyz")
        for published in service.get("ports", ()):
            inside = published.split(":")[2]
            assert inside != port and service["environment"][f"{prefix}LISTEN"].endswith(f":{inside}")


def test_the_readme_names_what_there_is():
    rows = {line.split("`")[1]: line for line in README.splitlines() if line.startswith("| `")}
    assert rows.keys() == SERVICES.keys()
    for name, row in rows.items():
        named = set(re.findall(r"`([\w-]+)`", row)) - {name}
        assert set(SERVICES[name].get("secrets", ())) == named & COMPOSE["secrets"].keys(), name
        assert {volume.split(":")[0] for volume in SERVICES[name].get("volumes", ())} == named & COMPOSE["volumes"].keys(), name
    block = README.split("make deb\n", 1)[1].split("\n\n", 1)[0]
    made = set(re.findall(r"[\w-]+", re.search(r"for name in (.*?);", block)[1])) | set(re.findall(r"secrets/([\w-]+)", block))
    profiles = {secret for service in SERVICES.values() if "profiles" not in service for secret in service.get("secrets", ())}
    assert profiles <= made
    assert set(re.findall(r"`--profile (\w+)`|--profile (\w+)", README)) and "profiles: [twilio]" in TEXT


@pytest.mark.parametrize("script", ["answers", "start-database", "with-password"])
def test_a_script_is_one(script):
    assert (FOLDER / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", FOLDER / script], check=True)


def test_a_password_of_any_characters_reaches_libpq(tmp_path):
    """with-password escapes what means something in a password file."""
    (tmp_path / "secret").write_text("a:b\\c'd e\n", encoding="utf-8")
    script = (FOLDER / "with-password").read_text(encoding="utf-8").replace("/tmp/pgpass", str(tmp_path / "pgpass"))
    done = subprocess.run(["bash", "-c", script, "with-password", "sh", "-c", 'echo "${PASSWORD_FILE-none}"; stat -c %a "$PGPASSFILE"; cat "$PGPASSFILE"'],
                          env={"PATH": "/usr/bin:/bin", "PASSWORD_FILE": str(tmp_path / "secret")}, capture_output=True, text=True, check=True)
    assert done.stdout == "none\n600\n*:*:*:*:a\\:b\\\\c'd e\n"
