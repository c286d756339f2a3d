"""Files and Hub data sets: what can be wrong with them, each with its place. The real client reads the cache."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.data import hub
from runner.data.comparisons import ComparisonsData, catalog, sources
from runner.errors import DataError, EnvironmentProblem, NotFoundError

LMARENA, ARENA = catalog.HUB["lmarena_human_preference"], catalog.HUB["chatbot_arena"]


def fault(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        sources.read(str(path))
    assert caught.value.where.startswith(str(path))
    return caught.value


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
def test_a_missing_an_empty_and_no_file(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(NotFoundError) as caught:
        sources.read(str(path))
    assert caught.value.where == str(path)
    path.touch()
    assert fault(path).message == "the file is empty"
    path.unlink()
    path.mkdir()
    assert fault(path).message == "the folder has no data file"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_parquet(raw, tmp_path, share):
    path = raw.parquet(tmp_path / "x.parquet", raw.some(200))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert "not a whole Parquet file" in fault(path).message


def test_a_parquet_damaged_in_its_middle(raw, tmp_path):
    path = raw.parquet(tmp_path / "x.parquet", raw.some(400), compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little") + 8
    data[4 : len(data) - footer] = b"\xff" * (len(data) - footer - 4)
    path.write_bytes(data)
    assert "not a whole Parquet file" in fault(path).message


def test_a_parquet_without_rows_and_one_without_columns(raw, tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_pylist(raw.some(2)).slice(0, 0), path)
    assert fault(path).message == "there is no row in it"
    pq.write_table(pa.table({"model_a": ["m"], "model_b": ["n"], "winer": ["tie"]}), path)
    error = fault(path)
    assert error.message == "missing columns prompt, response_a, response_b, winner"
    assert '{"winner": "winer"}' in error.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"model_a": ', "not JSON: expecting value at column 13"),
        (b"[1, 2]", "expected a JSON object on each line"),
        (b'{"model_a": "\xff"}', "not UTF-8 text: byte 0xff at position 14"),
        (b"[" * 100_000, "not JSON that can be read"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON that can be read"),
    ],
    ids=["cut off", "a list", "latin-1", "nested", "a long number"],
)
def test_a_bad_line_is_told_with_its_number(raw, tmp_path, line, message):
    path = raw.jsonl(tmp_path / "x.jsonl", raw.some(3))
    path.write_bytes(path.read_bytes() + b"\n" + line + b"\n")
    error = fault(path)
    assert message in error.message and error.where == f"{path}:5"


def test_jsonl_may_have_a_mark_blank_lines_and_no_last_newline(raw, tmp_path):
    path = raw.jsonl(tmp_path / "x.jsonl", raw.some(3))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n").rstrip())
    assert len(sources.read(str(path))) == 3


def test_blank_lines_only(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n\n")
    assert fault(path).message == "there is no row in it"


def test_half_a_character_is_skipped_and_a_whole_pair_is_read(raw, tmp_path):
    rows = [raw.row(prompt="good \U0001f600"), raw.row(prompt="bad \ud83d"), raw.row(prompt="a \\ud83d")]
    found = sources.read(str(raw.jsonl(tmp_path / "x.jsonl", rows)))
    assert dict(found.skipped) == {"text that is not valid Unicode": 1} and found.first == {
        next(iter(found.skipped)): 2
    }
    assert found.prompts == ["good \U0001f600", "a \\ud83d"] and found.read == 3


def test_missing_keys_in_every_line_and_in_one(raw, tmp_path):
    rows = raw.some(3)
    del rows[1]["winner"]
    found = sources.read(str(raw.jsonl(tmp_path / "x.jsonl", rows)))
    assert dict(found.skipped) == {"unknown winner": 1}
    for each in rows:
        each.pop("winner", None)
    assert fault(raw.jsonl(tmp_path / "x.jsonl", rows)).message == "missing column winner"


def test_many_batches_keep_their_rows_numbers(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BATCH", 7)
    rows = raw.some(40)
    rows[33]["winner"] = "?"
    for path in (raw.jsonl(tmp_path / "x.jsonl", rows), raw.parquet(tmp_path / "x.parquet", rows, row_group_size=5)):
        found = sources.read(str(path))
        assert (len(found), found.read, found.first) == (39, 40, {"unknown winner": 34})
        assert found.responses_a == [f"a{at}" for at in range(40) if at != 33]


def lay_out(home: Path, repo: str, shards: dict[str, bytes], kind: str = "dataset") -> Path:
    """A repository as the Hub's client keeps it: blobs, and a snapshot of links that ``main`` points to."""
    folder = home / "hub" / f"{kind}s--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("0123456789" * 4)
    for number, (name, data) in enumerate(shards.items()):
        blob = folder / "blobs" / f"{number:064x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(os.path.relpath(blob, (snapshot / name).parent))
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text(snapshot.name)
    return snapshot


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``HF_HOME``, and no network."""
    home = tmp_path / "hf"
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_DATASETS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return home


README = b"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n---\n"


def shards(raw, rows, count: int = 2) -> dict[str, bytes]:
    """The rows as the Hub has them: numbered Parquet shards below ``data``, and a card that names them."""
    files = {"README.md": README}
    for at in range(count):
        sink = pa.BufferOutputStream()
        # A full table's schema in every shard, as the Hub's own writer leaves it.
        table = pa.Table.from_pylist(rows)
        part = table.slice(at * len(rows) // count, (at + 1) * len(rows) // count - at * len(rows) // count)
        pq.write_table(part, sink)
        files[f"data/train-{at:05d}-of-{count:05d}.parquet"] = sink.getvalue().to_pybytes()
    return files


def tagged(rows):
    for each in rows:
        each |= {
            "id": "x",
            "language": "en",
            "category_tag": {"math_v0.1": {"math": True}, "if_v0.1": {"if": False, "score": 2}},
            "conv_metadata": {"sum_assistant_a_tokens": 3},
        }
    return rows


def test_both_hub_data_sets_from_the_local_cache(raw, hf, context):
    lay_out(hf, LMARENA, shards(raw, tagged(raw.some(60)), 3))
    lay_out(hf, ARENA, shards(raw, raw.some(40, parts=False), 1))
    for name in ("lmarena_human_preference", "chatbot_arena", "both"):
        assert not catalog.network_needed(name)
    data = ComparisonsData().load(context())
    assert data.record["rows_read"] == 60 and data.train.tags["math"].max() == 1
    assert ComparisonsData(dataset="chatbot_arena").load(context()).record["winners"]["both_bad"] > 0
    both = ComparisonsData(dataset="both").load(context())
    assert both.record["rows_read"] == 100
    # The cache may be mounted read-only: nothing is written there.
    assert [path.name for path in hf.iterdir()] == ["hub"]


def test_the_hub_copy_is_the_same_data_as_the_file(raw, hf, tmp_path, context):
    rows = tagged(raw.some(30))
    lay_out(hf, LMARENA, shards(raw, rows))
    file = ComparisonsData(dataset=str(raw.parquet(tmp_path / "x.parquet", rows))).load(context())
    assert ComparisonsData().load(context()).fingerprint == file.fingerprint


def test_a_download_that_was_cut_off_is_not_taken_for_the_whole(raw, hf):
    files = shards(raw, raw.some(30), 3)
    del files["data/train-00001-of-00003.parquet"]
    lay_out(hf, LMARENA, files)
    assert catalog.network_needed("lmarena_human_preference")
    with pytest.raises(EnvironmentProblem, match=r"lacks data/train-00001-of-00003\.parquet"):
        sources.read("lmarena_human_preference")


def test_a_link_to_nowhere_is_a_missing_shard(raw, hf):
    snapshot = lay_out(hf, LMARENA, shards(raw, raw.some(30), 2))
    (snapshot / "data/train-00001-of-00002.parquet").resolve().unlink()
    assert catalog.network_needed("lmarena_human_preference")


def test_a_damaged_shard_names_the_snapshot(raw, hf):
    files = shards(raw, raw.some(30), 1)
    name = "data/train-00000-of-00001.parquet"
    snapshot = lay_out(hf, LMARENA, files | {name: files[name][:300]})
    with pytest.raises(DataError, match="cannot be read") as caught:
        sources.read("lmarena_human_preference")
    assert caught.value.where == str(snapshot)


def test_other_columns_on_the_hub(raw, hf):
    lay_out(hf, LMARENA, shards(raw, [{"prompt": "p", "winner": "tie"}], 1))
    with pytest.raises(DataError, match="missing columns model_a, model_b, conversation_a, conversation_b"):
        sources.read("lmarena_human_preference")


def test_not_cached_and_offline(hf):
    with pytest.raises(EnvironmentProblem, match="HF_HUB_OFFLINE forbids") as caught:
        sources.read("chatbot_arena")
    assert "HF_HOME" in caught.value.hint and not caught.value.retryable


class Refusing(BaseHTTPRequestHandler):
    """A Hub that answers every question with one status."""

    status, reason = 500, ""

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.reason:
            self.send_header("X-Error-Code", self.reason)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Refusing,), {}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


READ = """
import csv
import gzip
import json
from runner.data.comparisons import sources
from runner.errors import RunnerError
try:
    sources.read("chatbot_arena")
except RunnerError as error:
    print(json.dumps(error.as_dict() | {"retryable": error.retryable}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "reason", "message", "hint", "retryable"),
    [
        (403, "GatedRepo", "it is gated", "HF_TOKEN", False),
        (401, "RepoNotFound", "it does not exist", "HF_TOKEN", False),
        (401, "", "answered 401", "HF_TOKEN", False),
        (500, "", "answered 500", "HF_HOME", True),
        (0, "", "cannot be reached", "HF_HOME", True),
    ],
    ids=["gated", "not there", "bad token", "broken", "no network"],
)
def test_what_the_hubs_own_client_meets(hf, refusing, status, reason, message, hint, retryable):
    refusing.RequestHandlerClass.status, refusing.RequestHandlerClass.reason = status, reason
    port = refusing.server_port if status else 9  # nothing listens on the discard port
    env = {
        name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE" and "proxy" not in name.lower()
    }
    env["HF_ENDPOINT"] = f"http://127.0.0.1:{port}"
    done = subprocess.run(
        [sys.executable, "-c", READ], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    told = json.loads(done.stdout)
    assert told["error"] == "environment" and told["exit_code"] == 6 and ARENA in told["message"] + str(told["where"])
    assert message in told["message"] and hint in told["hint"] and told["retryable"] is retryable
    assert "Traceback" not in done.stderr


def test_the_hub_is_asked_for_nothing_that_is_in_the_cache(raw, hf, monkeypatch):
    lay_out(hf, LMARENA, shards(raw, raw.some(20)))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(hub, "download", lambda *words: pytest.fail("asked the Hub"))
    assert len(sources.read("lmarena_human_preference")) == 20


def test_where_the_cache_is(monkeypatch, tmp_path):
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert hub.home() == tmp_path / ".cache" / "huggingface"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert hub.home() == tmp_path / "x" / "huggingface"
    monkeypatch.setenv("HF_HOME", "~/h")
    assert hub.home() == tmp_path / "h"
    assert hub.cached_snapshot("a/b", "model") is None


def test_asking_for_the_network_imports_nothing_heavy():
    code = (
        "import sys; from pathlib import Path; from runner.data.comparisons.section import ComparisonsData as C\n"
        "from runner.training.pretrained import available_locally as a\n"
        "C().network_needed(Path('.')), a('all-MiniLM-L6-v2')\n"
        "heavy = ('numpy', 'torch', 'transformers', 'datasets', 'pyarrow', 'huggingface_hub')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_layout_is_told_by_all_of_the_first_rows(raw, tmp_path):
    rows = raw.some(5)
    del rows[0]["conversation_a"], rows[0]["conversation_b"]
    found = sources.read(str(raw.jsonl(tmp_path / "x.jsonl", rows)))
    assert len(found) == 4 and dict(found.skipped) == {"empty conversation": 1}


def test_a_csv_may_hold_conversations_as_json(raw, tmp_path):
    rows = raw.some(5)
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([{key: json.dumps(cell) if isinstance(cell, list) else cell for key, cell in row.items()}
                          for row in rows])  # fmt: skip
    assert sources.read(str(path)).responses_a == [f"a{at}" for at in range(5)]


def test_shards_and_gzip_are_the_same_data(raw, tmp_path, context):
    rows = raw.some(60)
    whole = ComparisonsData(dataset=str(raw.jsonl(tmp_path / "x.jsonl", rows))).load(context())
    (tmp_path / "shards").mkdir()
    for at in range(3):
        part = raw.jsonl(tmp_path / "part.jsonl", rows[20 * at : 20 * at + 20])
        (tmp_path / "shards" / f"{at}.jsonl.gz").write_bytes(gzip.compress(part.read_bytes()))
    for path in ("shards/", "shards/*.gz"):
        assert ComparisonsData(dataset=f"{tmp_path}/{path}").load(context()).fingerprint == whole.fingerprint
    pattern = ComparisonsData(dataset=f"{tmp_path}/shards/*.gz")
    assert [path.name for path in pattern.local_files()] == [f"{at}.jsonl.gz" for at in range(3)]


def test_a_text_file_may_have_an_encoding_and_a_delimiter_of_its_own(tmp_path, context):
    rows = [f"Größe {at};{'ab'[at % 2]};{'ba'[at % 2]};model_a;yes;no" for at in range(40)]
    path = tmp_path / "x.csv"
    path.write_bytes("\n".join(["prompt;model_a;model_b;winner;response_a;response_b", *rows, ""]).encode("cp1252"))
    written = {"encoding": "cp1252", "delimiter": ";"}
    ComparisonsData(dataset=str(path), **written).check(tmp_path)
    data = ComparisonsData(dataset=str(path), **written).load(context()).train
    assert all(prompt.startswith("Größe") for prompt in data.prompts)
    with pytest.raises(DataError, match="UTF-8") as caught:
        sources.read(str(path))
    assert "data.encoding" in caught.value.hint
    with pytest.raises(DataError, match="klingon") as caught:
        ComparisonsData(dataset=str(path), encoding="klingon").check(tmp_path)
    assert caught.value.where == "/data/encoding"


def test_what_says_how_a_text_file_is_written_is_refused_of_others(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("{}")
    for section in (
        ComparisonsData(dataset=str(path), delimiter=";"),
        ComparisonsData(dataset="sample", encoding="utf-8"),
    ):
        with pytest.raises(DataError):
            section.check(tmp_path)


def test_unset_they_are_not_in_the_resolved_data_section():
    assert not {"encoding", "delimiter"} & ComparisonsData().model_dump().keys()
