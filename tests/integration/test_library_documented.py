"""Policies of the library for servers that Debian does not have: their probes against answers written after the documents
of Kafka, Cassandra and Hadoop. What this cannot show is how the real ones fail; each of these policies says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from support.agent import ROOT
from support.documented import CASSANDRA, KAFKA, DocumentedServer
from support.real_servers import expect, run_probes
from support.servers import Answer

LIBRARY = ROOT / "policies"
NOT_TRIED = "Not tried on a real one"
NAMENODE = {"name": "Hadoop:service=NameNode,name=NameNodeStatus", "NNRole": "NameNode", "State": "active"}
STATE = {"name": "Hadoop:service=NameNode,name=FSNamesystemState", "CapacityTotal": 1, "NumLiveDataNodes": 3}
DATANODE = {"name": "Hadoop:service=DataNode,name=DataNodeInfo", "Version": "3.3.6", "ClusterId": "CID-1"}


def probe_of(name: str, probe: str) -> dict[str, Any]:
    """Its type and parameters, as the library has them."""
    service = yaml.safe_load((LIBRARY / f"{name}.yaml").read_text())["services"][name]
    return {key: value for key, value in service["probes"][probe].items() if key in ("tcp", "http")}


def told(agent, **probes: dict[str, Any]) -> dict[str, dict]:
    return run_probes(agent, {name: json.dumps(probe)[1:-1] for name, probe in probes.items()})


@pytest.mark.parametrize(
    ("name", "probe", "server", "port", "says"),
    [
        ("kafka", "api", KAFKA, 9092, "Kafka, 2 APIs"),
        ("cassandra", "native", CASSANDRA, 9042, "Cassandra, CQL version 3.4.5"),
    ],
)
def test_protocols(agent, name: str, probe: str, server: tuple[bytes, bytes], port: int, says: str) -> None:
    fake = DocumentedServer(*server)
    try:
        mine = probe_of(name, probe)
        assert mine["tcp"]["address"] == f"127.0.0.1:{port}"
        mine["tcp"]["address"] = f"127.0.0.1:{fake.port}"
        expect(told(agent, it=mine), "it", "pass", says)
    finally:
        fake.stop()


@pytest.mark.parametrize(
    ("name", "probe", "bean", "outcome", "says"),
    [
        ("hadoop-namenode", "alive", NAMENODE, "pass", "200"),
        ("hadoop-namenode", "alive", None, "fail", "/beans/0/State"),
        ("hadoop-namenode", "operational", {**STATE, "FSState": "Operational"}, "pass", "200"),
        ("hadoop-namenode", "operational", {**STATE, "FSState": "safeMode"}, "fail", "/beans/0/FSState"),
        ("hadoop-datanode", "alive", DATANODE, "pass", "200"),
        ("hadoop-datanode", "alive", None, "fail", "/beans/0/ClusterId"),
    ],
)
def test_beans(agent, http_server, name: str, probe: str, bean: dict | None, outcome: str, says: str) -> None:
    """A servlet that knows no such bean, for one that is still starting, answers with none."""
    fake = http_server(Answer(body=json.dumps({"beans": [bean] if bean else []}).encode()))
    mine = probe_of(name, probe)
    port = mine["http"]["url"].split("/")[2]
    mine["http"]["url"] = mine["http"]["url"].replace(port, f"127.0.0.1:{fake.port}")
    expect(told(agent, it=mine), "it", outcome, says)
    (asked,) = {request.path for request in fake.requests}
    assert asked.startswith("/jmx?qry=Hadoop:service=") and (not bean or asked.endswith(bean["name"]))


@pytest.mark.parametrize("name", ["kafka", "cassandra", "hadoop-namenode", "hadoop-datanode"])
def test_each_says_what_was_not_tried(name: str) -> None:
    comment = (LIBRARY / f"{name}.yaml").read_text().replace("\n# ", " ")
    assert NOT_TRIED in comment
