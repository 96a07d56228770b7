"""Requests for other hosts and from other sites."""

import pytest


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9000"])
def test_names_of_this_machine(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:8000", "127.0.0.1.attacker.example", "[", ""])
def test_a_name_that_another_site_has_resolved_to_this_machine(client, host):
    answer = client.get("/health", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"].startswith("this server is not ")
    assert answer.headers["x-content-type-options"] == "nosniff"


SITES = {
    "none": ({}, 400),
    "this one": ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 400),
    "a reverse proxy": ({"Origin": "https://segment.example"}, 400),
    "another one": ({"Origin": "https://attacker.example"}, 403),
    "another port": ({"Origin": "http://127.0.0.1:9000"}, 403),
    "a file": ({"Origin": "null"}, 403),
    "a broken one": ({"Origin": "http://["}, 403),
    "a form": ({"Sec-Fetch-Site": "cross-site"}, 403),
}


@pytest.mark.parametrize("site", SITES)
def test_posts_come_from_this_site_or_from_none(client, site):
    headers, status = SITES[site]
    assert client.post("/api/segment", headers=headers).status_code == status


def test_headers(client):
    headers = client.get("/api/models").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
