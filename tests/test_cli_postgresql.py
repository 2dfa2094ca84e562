"""The commands on a ledger in a database on a server."""

import pytest

from terminal import ORIGIN, Terminal, command


class ServerTerminal(Terminal):
    """A terminal whose ledger is named by an address."""

    def __init__(self, folder, place):
        super().__init__(folder)
        self.path = place.text

    def init(self):
        said = self.done("init", "--origin", ORIGIN, "--no-passphrase", "--keys", self.folder / "keys", "--json")
        self.keys["registrar/1"] = self.folder / "keys" / "registrar.key"
        return said


@pytest.fixture
def terminal(server, tmp_path):
    terminal = ServerTerminal(tmp_path, server.address(server.new_database()))
    terminal.init()
    terminal.admit("yard")
    return terminal


def truck(batch):
    return {
        "type": "receive",
        "time": "2026-03-02T14:05:00Z",
        "site": "yard:works",
        "batch": batch,
        "material": "battery_paste",
        "mass": {"value": "1000", "unit": "kg"},
        "assay": {"Pb": {"value": "75", "unit": "%"}},
        "feedstock": "end_of_life",
        "places": {"collected_in": "US"},
    }


def test_a_ledger_on_a_server_is_made_only_with_a_folder_for_its_keys(server):
    place = server.address(server.new_database())
    said = command("init", "-L", place.text, "--origin", ORIGIN, "--no-passphrase")
    problem = "a ledger on a server has no folder beside it; say where its keys, mark and trust file go with --keys DIR"
    assert (said.code, said.err) == (2, f"error: {problem}\nhint: plumbline init --help\n")


def test_every_kind_of_command_works_on_a_server(terminal, tmp_path):
    terminal.log("yard/1", truck("yard:T1"), truck("yard:T2"))
    assert "yard:T1" in terminal.done("batches").out
    assert "750.000 kg" in terminal.done("show", "yard:T1").out
    terminal.done("dispose", "yard:T1", "--mass", "10 kg", "--reason", "to landfill", "-k", terminal.keys["yard/1"])
    assert terminal.done("audit").out.splitlines()[-1].startswith("HOLDS: nothing is broken")
    assert terminal.done("rebuild").out == "derived the tables from 6 records\n"
    certificate = tmp_path / "cert.pdf"
    terminal.done("certify", "recycled-content", "yard:T2", "--to", "Somebody", "-o", certificate, "-k", terminal.keys["yard/1"])
    terminal.done("verify", certificate)
    terminal.done("export", tmp_path / "export")
    assert command("audit", tmp_path / "export", "--trust", tmp_path / "keys" / "trust").code == 0
    compared = command("compare", terminal.path, tmp_path / "export")
    assert (compared.code, compared.out.splitlines()[-1]) == (0, "SAME: one history, to the same record")
    terminal.done("checkpoint", "-o", tmp_path / "checkpoint")
    assert command("verify", tmp_path / "checkpoint", "--trust", tmp_path / "keys" / "trust").code == 0
    trust = tmp_path / "keys" / "trust"
    terminal.done("attest", "-k", terminal.keys["yard/1"], "--trust", trust, "-o", tmp_path / "statement")


def test_the_doctor_shows_the_servers_settings(terminal):
    found = {check["check"]: (check["ok"], check["detail"]) for check in terminal.done("doctor", "--json").json["checks"]}
    assert found["fsync"] == found["full_page_writes"] == found["synchronous_commit"] == (True, "on")
    assert found["integrity"] == (True, "ok")
    assert found["mark"] == (True, "size 3")


def test_a_role_is_printed_as_statements_and_a_file_has_none(terminal, server, tmp_path):
    name = terminal.path.partition("@/")[2].partition("?")[0]
    evidence = "entry, checkpoint, equivocation, cosignature, attestation"
    others = "meta, credential, opening, record, party, site, key, number, amendment, booking, batch, posting, edge, vessel, serial, claim"
    assert terminal.done("role", "clerk").out.splitlines() == [
        'CREATE ROLE "clerk" LOGIN;',
        f'GRANT CONNECT ON DATABASE {name} TO "clerk";',
        'GRANT USAGE ON SCHEMA public TO "clerk";',
        f'GRANT SELECT, INSERT ON {evidence} TO "clerk";',
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON {others}, subtree TO "clerk";',
    ]
    assert len(terminal.done("role", "clerk", "--json").json["statements"]) == 5
    filed = Terminal(tmp_path / "filed")
    filed.folder.mkdir()
    filed.init()
    said = filed.run("role", "clerk")
    problem = f"{filed.path} is a file and has no role clerk"
    hint = "who may write a file is said by its owner and mode; roles are a server's"
    assert (said.code, said.err) == (3, f"error: {problem}\nhint: {hint}\n")


def test_a_password_in_an_address_is_never_printed(terminal, tmp_path):
    host = terminal.path.partition("host=")[2]
    name = terminal.path.partition("@/")[2].partition("?")[0]
    named = f"postgresql+psycopg://postgres:s3cret@/{name}?host={host}"
    shown = named.replace("s3cret", "***")
    gone = named.replace(name, "nowhere")
    export = tmp_path / "export"
    command("export", export, "-L", named)
    for arguments in (
        ("init", "--origin", ORIGIN, "--no-passphrase", "--keys", tmp_path / "others", "-L", named),
        ("compare", named, export),
        ("audit", gone),
        ("batches", "-L", gone),
        ("batches", "-L", gone, "--json"),
        ("verify", tmp_path / "keys" / "trust", "-L", gone),
        ("rebuild", "-L", named),
        ("doctor", "-L", gone),
        ("attest", gone, "-o", tmp_path / "s", "--trust", tmp_path / "keys" / "trust", "-k", terminal.keys["yard/1"]),
        ("batches", "-L", named.replace("@/", "@x@/")),
    ):
        said = command(*arguments)
        assert "s3cret" not in said.out + said.err, arguments
    said = command("init", "--origin", ORIGIN, "--no-passphrase", "--keys", tmp_path / "others", "-L", named)
    assert said.err.splitlines()[0] == f"error: {shown} holds tables already"
    assert command("compare", named, export).out.splitlines()[0].startswith(f"A  {shown}: 3 records")
