"""Docker's API as docker-py sees it. DOCKER_HOST names the engine, which has `busybox:latest`.

Prints one line of JSON a step and one at the end, as the programs for Node do.
"""

import http.client
import io
import json
import os
import socket
import tarfile
import tempfile
import time
import traceback

import docker
import docker.transport.unixconn
from docker.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound
from docker.types import Healthcheck, LogConfig, Mount, Ulimit

LABEL = "estiba.test.docker-py"
IMAGE = "busybox:latest"
UNTIL_TOLD = "while [ ! -e /go ]; do sleep 0.02; done;"


class ExactResponse(http.client.HTTPResponse):
    """Reads no further than its head. docker-py takes the socket of an exec from below this reader, and so loses what came
    together with the head, as it does where the machine is busy, whoever the engine is."""

    def __init__(self, sock, *args, **options):
        super().__init__(sock, *args, **options)
        self.fp = sock.makefile("rb", 1)


docker.transport.unixconn.UnixHTTPConnection.response_class = ExactResponse
client = docker.from_env(timeout=30)
steps = []


def step(function):
    steps.append(function)
    return function


def shell(script):
    return ["sh", "-c", script]


def until(what, probe):
    deadline = time.monotonic() + 20
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.02)


def equal(seen, wanted):
    if seen != wanted:
        raise AssertionError("%r is not %r" % (seen, wanted))


def refused(kind, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except kind as error:
        return error
    raise AssertionError("not refused")


class Running:
    """A container that runs for as long as the block."""

    def __init__(self, command=None, **options):
        labels = {LABEL: "yes"}
        self.container = client.containers.run(IMAGE, command or ["sleep", "600"], detach=True, labels=labels, **options)

    def __enter__(self):
        return self.container

    def __exit__(self, *_):
        self.container.remove(force=True, v=True)


def tar_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def files_of(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        return {
            entry.name: archive.extractfile(entry).read().decode(errors="replace") if entry.isfile() else None
            for entry in archive
        }


def receive(sock, wanted=None):
    """Reads from a raw socket until `wanted` came, or until its end."""
    raw = getattr(sock, "_sock", sock)
    raw.settimeout(20)
    text = b""
    while wanted is None or wanted not in text:
        chunk = raw.recv(4096)
        if not chunk:
            break
        text += chunk
    return text


def send(sock, data):
    getattr(sock, "_sock", sock).sendall(data)


@step
def ping_version_info_and_usage():
    assert client.ping()
    assert client.version()["ApiVersion"].startswith("1.")
    equal(client.info()["OSType"], "linux")
    usage = client.df()
    assert any(IMAGE in (image["RepoTags"] or []) for image in usage["Images"])


@step
def run_to_the_end():
    equal(client.containers.run(IMAGE, shell("echo out; echo err >&2"), remove=True), b"out\n")
    equal(client.containers.run(IMAGE, shell("echo out; echo err >&2"), stdout=False, stderr=True, remove=True), b"err\n")
    equal(client.containers.run(IMAGE, "echo one two", remove=True, environment={"A": "b"}), b"one two\n")


@step
def run_as_a_stream():
    lines = client.containers.run(IMAGE, shell("echo one; sleep 0.1; echo two"), stream=True, remove=True)
    equal(b"".join(lines), b"one\ntwo\n")


@step
def run_that_fails():
    error = refused(ContainerError, client.containers.run, IMAGE, shell("echo why >&2; exit 3"), remove=True)
    equal((error.exit_status, error.stderr), (3, b"why\n"))
    error = refused(APIError, client.containers.run, IMAGE, ["/missing"], remove=True)
    equal(error.status_code, 400)
    assert "no such file or directory" in error.explanation, error.explanation


@step
def images_that_are_not_there():
    refused(ImageNotFound, client.images.get, "nowhere:none")
    error = refused(ImageNotFound, client.containers.create, "nowhere:none")
    equal(error.explanation, "No such image: nowhere:none")


@step
def errors():
    error = refused(NotFound, client.containers.get, "nobody")
    equal((error.status_code, error.explanation), (404, "No such container: nobody"))
    assert error.is_client_error()
    with Running(name="docker-py-taken"):
        error = refused(APIError, client.containers.create, IMAGE, name="docker-py-taken")
        equal(error.status_code, 409)
        assert error.explanation.startswith('Conflict. The container name "/docker-py-taken" is already in use')
    equal(refused(APIError, client.containers.list, filters={"colour": "red"}).status_code, 400)


@step
def logs():
    with Running(shell("echo one; %s echo two; echo three >&2" % UNTIL_TOLD)) as container:
        until("a line", lambda: container.logs() == b"one\n")
        stream = container.logs(stream=True, follow=True, stderr=False)
        equal(next(stream), b"one\n")
        container.exec_run("touch /go")
        equal(b"".join(stream), b"two\n")
        container.wait()
        equal(container.logs(stdout=False), b"three\n")
        stamped = container.logs(timestamps=True, stderr=False).split(b"\n")[0]
        assert stamped.endswith(b"Z one"), stamped
        equal(container.logs(stderr=False, since=int(time.time()) + 3600), b"")
        equal(len(container.logs(tail=2).splitlines()), 2)


@step
def exec_run():
    with Running() as container:
        ran = container.exec_run(shell("echo $A; pwd; id -u >&2; exit 4"), environment={"A": "b"}, workdir="/tmp",
                                 user="65534", demux=True)
        equal(ran.exit_code, 4)
        equal(ran.output, (b"b\n/tmp\n", b"65534\n"))
        equal(container.exec_run("echo plain").output, b"plain\n")
        equal(b"".join(container.exec_run(shell("seq 3"), stream=True).output), b"1\n2\n3\n")
        equal(container.exec_run("tty", tty=True).output.startswith(b"/dev/pts/"), True)
        container.exec_run("touch /detached", detach=True)
        until("its file", lambda: container.exec_run("ls /detached").exit_code == 0)
        equal(container.exec_run("/missing").exit_code, 127)


@step
def exec_over_a_socket():
    with Running() as container:
        sock = container.exec_run("cat", stdin=True, socket=True).output
        send(sock, b"through\n")
        assert receive(sock, b"through\n").endswith(b"through\n")
        sock.close()
        made = client.api.exec_create(container.id, "sh", stdin=True, tty=True)
        terminal = client.api.exec_start(made["Id"], tty=True, socket=True)
        receive(terminal, b"#")
        client.api.exec_resize(made["Id"], height=21, width=65)
        send(terminal, b"stty size; exit 5\n")
        assert b"21 65" in receive(terminal, b"21 65\r\n")
        until("its end", lambda: not client.api.exec_inspect(made["Id"])["Running"])
        equal(client.api.exec_inspect(made["Id"])["ExitCode"], 5)
        terminal.close()


@step
def attach():
    container = client.containers.create(IMAGE, shell("read line; echo got $line; echo err >&2"), stdin_open=True)
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    send(sock, b"this\n")
    text = receive(sock)
    assert text.count(b"got this\n") == 1 and text.count(b"err\n") == 1, text
    sock.close()
    equal(container.wait()["StatusCode"], 0)
    equal(container.logs(stdout=True, stderr=False), b"got this\n")
    container.remove()
    container = client.containers.create(IMAGE, shell("echo out; echo err >&2"))
    output = container.attach(stream=True, demux=True)
    container.start()
    pairs = list(output)
    equal(b"".join(out for out, _ in pairs if out), b"out\n")
    equal(b"".join(err for _, err in pairs if err), b"err\n")
    container.wait()
    container.remove()


@step
def terminal():
    container = client.containers.create(IMAGE, ["sh"], stdin_open=True, tty=True)
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    container.resize(height=31, width=75)
    receive(sock, b"#")
    send(sock, b"stty size; exit 6\n")
    assert b"31 75" in receive(sock, b"31 75\r\n")
    equal(container.wait()["StatusCode"], 6)
    sock.close()
    container.remove()


@step
def archives():
    with Running() as container:
        assert container.put_archive("/tmp", tar_of({"one": "first", "two": "second"}))
        chunks, stat = container.get_archive("/tmp/two")
        equal((stat["name"], stat["size"]), ("two", 6))
        equal(files_of(chunks), {"two": "second"})
        chunks, _ = container.get_archive("/tmp", encode_stream=True)
        equal(set(files_of(chunks)), {"tmp", "tmp/one", "tmp/two"})
        refused(NotFound, container.get_archive, "/nowhere")
        refused(NotFound, container.put_archive, "/nowhere", tar_of({"one": "first"}))
        changes = sorted(container.diff(), key=lambda change: change["Path"])
        equal(changes, [{"Path": "/tmp", "Kind": 0}, {"Path": "/tmp/one", "Kind": 1}, {"Path": "/tmp/two", "Kind": 1}])
        exported = files_of(container.export())
        equal(exported["tmp/one"], "first")


@step
def stats_and_top():
    with Running() as container:
        one = container.stats(stream=False)
        assert one["memory_stats"]["usage"] > 0
        assert one["precpu_stats"]["system_cpu_usage"] > 0
        stream = container.stats(decode=True, stream=True)
        first, second = next(stream), next(stream)
        assert second["read"] > first["read"]
        stream.close()
        top = container.top(ps_args="-o pid,args")
        equal([row[1] for row in top["Processes"]], ["sleep 600"])


def registered(container, condition):
    """A wait that the engine has taken: its head is out."""
    url = "%s/v1.41/containers/%s/wait" % (client.api.base_url, container.id)
    return client.api.post(url, params={"condition": condition}, stream=True, timeout=30)


@step
def waits():
    container = client.containers.create(IMAGE, shell("exit 7"), auto_remove=True)
    equal(container.wait(condition="not-running")["StatusCode"], 0)
    waiting = {condition: registered(container, condition) for condition in ("next-exit", "removed")}
    container.start()
    equal({condition: answer.json()["StatusCode"] for condition, answer in waiting.items()}, {"next-exit": 7, "removed": 7})
    refused(NotFound, container.wait)


@step
def events():
    stream = client.events(decode=True, filters={"label": LABEL, "type": "container"})
    with Running(shell("exit 9")) as container:
        container.wait()
    seen = []
    for event in stream:
        if event["id"] == container.id:
            seen.append(event["Action"])
            if event["Action"] == "die":
                equal(event["Actor"]["Attributes"]["exitCode"], "9")
            if event["Action"] == "destroy":
                break
    stream.close()
    equal(seen, ["create", "start", "die", "destroy"])
    now = int(time.time())
    past = client.events(since=now - 60, until=now + 1, decode=True, filters={"container": container.id, "event": "die"})
    equal([event["status"] for event in past], ["die"])


@step
def life():
    def trapped(times):
        """Without its trap the process would not be ended by SIGTERM."""
        until("the trap", lambda: container.logs().count(b"trapped") == times)

    with Running(shell("trap 'exit 0' TERM; echo trapped; while :; do sleep 0.1; done")) as container:
        trapped(1)
        container.pause()
        container.reload()
        equal(container.status, "paused")
        container.unpause()
        container.rename("docker-py-renamed")
        equal(client.containers.get("docker-py-renamed").id, container.id)
        container.update(mem_limit="64m", memswap_limit="128m", cpu_shares=512)
        container.restart(timeout=20)
        container.reload()
        equal((container.status, container.attrs["HostConfig"]["Memory"]), ("running", 64 << 20))
        trapped(2)
        container.kill("SIGKILL")
        equal(container.wait()["StatusCode"], 137)
        container.start()
        trapped(3)
        container.stop(timeout=20)
        equal(container.wait()["StatusCode"], 0)
        equal(refused(APIError, container.kill).status_code, 409)


@step
def options_of_a_container():
    options = {
        "hostname": "hosted",
        "domainname": "example.test",
        "working_dir": "/tmp",
        "user": "0:0",
        "cap_add": ["NET_ADMIN"],
        "cap_drop": ["MKNOD"],
        "read_only": True,
        "tmpfs": {"/scratch": "size=1m"},
        "ulimits": [Ulimit(name="nofile", soft=1234, hard=1234)],
        "sysctls": {"net.ipv4.ip_forward": "0"},
        "mem_limit": "64m",
        "nano_cpus": 500_000_000,
        "pids_limit": 50,
        "shm_size": "2m",
        "extra_hosts": {"elsewhere": "10.11.12.13"},
        "dns": ["10.0.0.1"],
        "init": True,
        "restart_policy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "log_config": LogConfig(type="json-file", config={"max-size": "1m"}),
        "healthcheck": Healthcheck(test=["CMD", "true"], interval=100_000_000),
        "ports": {"80/tcp": ("127.0.0.1", None), "53/udp": None},
        "security_opt": ["no-new-privileges"],
        "stop_signal": "SIGINT",
    }
    with Running(**options) as container:
        script = "hostname; pwd; ulimit -n; cat /proc/sys/net/ipv4/ip_forward; grep -c elsewhere /etc/hosts; touch /x"
        ran = container.exec_run(shell(script), demux=True)
        equal(ran.output[0], b"hosted\n/tmp\n1234\n0\n1\n")
        assert b"Read-only file system" in ran.output[1]
        host = container.attrs["HostConfig"]
        equal((host["Memory"], host["NanoCpus"], host["PidsLimit"], host["ShmSize"]), (64 << 20, 500_000_000, 50, 2 << 20))

        def healthy():
            container.reload()
            return container.attrs["State"]["Health"]["Status"] == "healthy"

        until("health", healthy)
        assert container.health == "healthy" if hasattr(container, "health") else True
        equal(container.ports["80/tcp"][0]["HostIp"], "127.0.0.1")
        assert int(container.ports["80/tcp"][0]["HostPort"]) > 0


@step
def lists():
    with Running(name="docker-py-listed") as container:
        equal([one.id for one in client.containers.list(filters={"name": "docker-py-listed"})], [container.id])
        equal(client.containers.list(filters={"name": "docker-py-listed", "status": "exited"}), [])
        equal([one.id for one in client.containers.list(filters={"id": container.id}, sparse=True)], [container.id])
        equal(container.image.tags.count(IMAGE), 1)
        found = client.api.containers(filters={"label": [LABEL + "=yes"], "name": ["docker-py-listed"]}, size=True)
        assert found[0]["SizeRootFs"] > 0


@step
def volumes():
    volume = client.volumes.create("docker-py-kept", labels={LABEL: "volume"})
    mount = Mount(target="/data", source="docker-py-kept", type="volume")
    client.containers.run(IMAGE, shell("echo there >/data/file"), mounts=[mount], remove=True)
    bound = {"docker-py-kept": {"bind": "/elsewhere", "mode": "ro"}}
    equal(client.containers.run(IMAGE, "cat /elsewhere/file", volumes=bound, remove=True), b"there\n")
    equal([one.name for one in client.volumes.list(filters={"label": LABEL + "=volume"})], ["docker-py-kept"])
    equal(client.volumes.get("docker-py-kept").attrs["Driver"], "local")
    with Running(volumes=bound):
        equal(refused(APIError, volume.remove).status_code, 409)
    pruned = client.volumes.prune(filters={"label": LABEL + "=volume", "all": True})
    equal(pruned["VolumesDeleted"], ["docker-py-kept"])
    refused(NotFound, client.volumes.get, "docker-py-kept")


@step
def images():
    with Running() as container:
        container.exec_run(shell("echo kept >/kept"))
        image = container.commit("docker-py-commit", "a", message="said", author="me", changes='CMD ["cat", "/kept"]',
                                 conf={"Labels": {LABEL: "image"}})
    equal(image.tags, ["docker-py-commit:a"])
    equal(image.history()[0]["Comment"], "said")
    equal(client.containers.run("docker-py-commit:a", remove=True), b"kept\n")
    assert image.tag("docker-py-commit", "b")
    saved = b"".join(image.save(named=True))
    client.images.remove("docker-py-commit:b")
    client.images.remove("docker-py-commit:a")
    refused(ImageNotFound, client.images.get, "docker-py-commit:a")
    loaded = client.images.load(saved)
    equal([one.id for one in loaded], [image.id])
    equal([one.tags for one in client.images.list("docker-py-commit")], [loaded[0].tags])
    client.containers.run(loaded[0].tags[0], remove=True)
    pruned = client.images.prune(filters={"dangling": False, "label": LABEL + "=image"})
    assert any(one.get("Deleted") == image.id for one in pruned["ImagesDeleted"]), pruned
    imported = json.loads(client.api.import_image_from_data(tar_of({"file": "text"}), repository="docker-py-import"))
    equal(imported["status"], client.images.get("docker-py-import").id)
    client.images.remove("docker-py-import")


@step
def prune_of_containers():
    container = client.containers.create(IMAGE, labels={LABEL: "prune"})
    equal(client.containers.prune(filters={"label": LABEL + "=prune"})["ContainersDeleted"], [container.id])


@step
def networks_of_a_container():
    with Running(network_mode="none") as container:
        equal(list(container.attrs["NetworkSettings"]["Networks"]) or ["none"], ["none"])
    with Running(["busybox", "httpd", "-f", "-p", "80", "-h", "/etc"], ports={"80/tcp": ("127.0.0.1", None)}) as server:
        server.reload()
        port = int(server.ports["80/tcp"][0]["HostPort"])

        def page():
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(b"GET /passwd HTTP/1.0\r\n\r\n")
                return b"root:" in connection.makefile("rb").read()

        def answers():
            try:
                return page()
            except OSError:
                return False

        until("the page", answers)
        with Running(network_mode="container:" + server.id) as client_container:
            assert b"root:" in client_container.exec_run("wget -q -O- http://localhost/passwd").output


@step
def versions_of_the_api():
    for version in ("auto", "1.24", "1.30", "1.41"):
        low = docker.APIClient(version=version, timeout=30, **docker.utils.kwargs_from_env())
        made = low.create_container(IMAGE, shell("echo said; exit 2"), host_config=low.create_host_config(auto_remove=False))
        low.start(made["Id"])
        equal(low.wait(made["Id"])["StatusCode"], 2)
        equal(low.logs(made["Id"]), b"said\n")
        equal(low.inspect_container(made["Id"])["State"]["ExitCode"], 2)
        assert any(one["Id"] == made["Id"] for one in low.containers(all=True))
        low.remove_container(made["Id"])
        low.close()
    equal(refused(APIError, docker.APIClient(version="1.99", **docker.utils.kwargs_from_env()).info).status_code, 400)


@step
def builds():
    with tempfile.TemporaryDirectory() as path:
        for name, text in {
            "Dockerfile": "FROM busybox:latest AS one\nARG V=1\nCOPY . /files/\nRUN echo v $V; ls /files\nFROM one\nRUN exit 4\n",
            ".dockerignore": "*.log\n",
            "kept": "k",
            "left.log": "l",
        }.items():
            with open(os.path.join(path, name), "w") as file:
                file.write(text)
        options = {"tag": "docker-py-built", "target": "one", "labels": {LABEL: "built"}}
        image, logs = client.images.build(path=path, buildargs={"V": "2"}, rm=True, **options)
        text = "".join(line.get("stream", "") for line in logs)
        assert "v 2\n" in text and "kept\n" in text and "left.log" not in text, text
        assert "Successfully tagged docker-py-built:latest\n" in text, text
        equal(image.tags, ["docker-py-built:latest"])
        equal(image.labels, {LABEL: "built"})
        lines = list(client.api.build(path=path, buildargs={"V": "2"}, decode=True, **options))
        assert {"stream": " ---> Using cache\n"} in lines, lines
        equal([line["aux"]["ID"] for line in lines if "aux" in line][-1], image.id)
        failed = refused(BuildError, client.images.build, path=path)
        equal(failed.msg, "The command '/bin/sh -c exit 4' returned a non-zero code: 4")
        assert any("v 1\n" in line.get("stream", "") for line in failed.build_log)
    client.images.remove(image.id, force=True)


@step
def builds_of_a_file_object():
    image, _ = client.images.build(fileobj=io.BytesIO(b"FROM busybox:latest\nRUN echo x >/x\nENTRYPOINT cat /x\n"))
    equal(client.containers.run(image.id, remove=True), b"x\n")
    packed = io.BytesIO(tar_of({"other": "FROM %s\nCOPY word /word\n" % image.id, "word": "w"}))
    above, _ = client.images.build(fileobj=packed, custom_context=True, dockerfile="other")
    equal(above.history()[1]["Id"], image.id)
    client.images.remove(above.id)
    wrong = refused(APIError, client.images.build, fileobj=io.BytesIO(b"FROM busybox:latest\nNO\n"))
    equal(wrong.status_code, 400)


for function in steps:
    error = None
    try:
        function()
    except Exception:  # What else it may be is of no interest: the step failed.
        error = traceback.format_exc()
    print(json.dumps({"step": function.__name__, "error": error}), flush=True)
print(json.dumps({"done": len(steps)}))
