"""The shop of the quickstart on two hosts, as units of systemd from Debian's packages: nginx and redis on one, PostgreSQL and
the checkout on the other. Each disaster of the tour strikes, and one of the network; customers judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from support.agent import ROOT
from support.customers import Customers
from support.host import Host

PATIENCE = "PATIENCE = 0.3"  # of the checkout with its dependencies: too little for a busy machine
WITHIN = 60  # seconds for a disaster to be over
AWAY = 4  # seconds that the database, and the network, are gone

WEB = """
defaults: {interval: 2s, fast_interval: 300ms, timeout: 2s, fall: 3, rise: 2, verify: 20s, start_grace: 5s}
services:
  cart:
    unit: redis-server.service
    probes: {answers: {tcp: {address: "127.0.0.1:6379", protocol: redis}}}
    recover: [{restart: {attempts: 5}}, notify]
    backoff: {initial: 200ms, max: 2s}
  storefront:
    unit: nginx.service
    probes: {page: {http: {url: "http://127.0.0.1/", expect: {body: {contains: shop}}}}}
    recover: [{restart: {attempts: 5}}, notify]
    backoff: {initial: 200ms, max: 2s}
"""

DATABASE = """
defaults: {{interval: 2s, fast_interval: 300ms, timeout: 2s, fall: 3, rise: 2, verify: 20s, start_grace: 5s, settle: 5s}}
services:
  orders:
    unit: {postgresql}
    probes: {{sessions: {{tcp: {{address: "unix:/run/postgresql/.s.PGSQL.5432", protocol: postgresql}}}}}}
    recover: [{{restart: {{attempts: 20}}}}, notify]
    backoff: {{initial: 200ms, max: 1s}}
    budget: {{actions: 40, per: 10m}}
  cart:
    description: on the other host, whose recoverd looks after it
    probes: {{answers: {{tcp: {{address: "{web}:6379", protocol: redis}}}}}}
  checkout:
    unit: checkout.service
    depends_on: [orders, cart]
    probes:
      health: {{http: {{url: "http://127.0.0.1:8080/healthz", expect: {{json: {{/status: UP}}}}}}}}
      purchase:
        http:
          url: "http://127.0.0.1:8080"
          steps:
            - {{name: log in, path: /login, method: POST}}
            - {{name: add to cart, path: /cart, method: POST, capture: {{CART: {{json: /cart/id}}}}}}
            - {{name: pay, path: /pay, method: POST, body: '{{"cart": ${{CART}}}}',
               headers: {{Content-Type: application/json}}, expect: {{json: {{/order: "> 0"}}}}}}
    recover: [{{restart: {{attempts: 5}}}}, notify]
    backoff: {{initial: 200ms, max: 2s}}
  uploads:
    probes: {{space: {{disk: {{path: /srv/uploads, max_used: 80%}}}}}}
    recover: [{{exec: {{command: [/usr/bin/find, /srv/uploads, -name, "*.part", -delete], attempts: 3}}}}, notify]
    backoff: {{initial: 200ms, max: 2s}}
"""

NGINX = """
server {{
    listen 80 default_server;
    location = / {{ default_type text/plain; return 200 "Welcome to the shop.\\n"; }}
    location ~ ^/(checkout|login|cart|pay)$ {{
        proxy_pass http://{database}:8080;
        proxy_connect_timeout 2s;
        proxy_read_timeout 2s;
    }}
}}
"""

CHECKOUT = """
[Service]
User=shop
ExecStart=/usr/bin/python3 /srv/shop/checkout.py --listen 0.0.0.0:8080 --cart {web}:6379 --orders /run/postgresql/.s.PGSQL.5432
"""


@dataclass(frozen=True)
class Shop:
    web: Host
    database: Host
    postgresql: str  # its unit
    customers: Customers

    def host_of(self, service: str) -> Host:
        return self.web if service in ("storefront", "cart") else self.database

    def is_open(self) -> bool:
        hosts = (self.web, self.database)
        well = all(one["state"] == "healthy" for host in hosts for one in host.status()["services"])
        return well and self.customers.are_served()


def _prepare_web(web: Host, database: Host) -> None:
    web.write("/etc/nginx/sites-enabled/default", NGINX.format(database=database.address))
    web.write("/etc/redis/redis.conf", 'bind 0.0.0.0\nprotected-mode no\nsave ""\ndir /var/lib/redis\nsupervised systemd\n')
    web.policy(WEB)
    web.systemctl("start", "nginx.service", "redis-server.service")


def _prepare_database(web: Host, database: Host) -> str:
    version, name = database.run(["pg_lsclusters", "--no-header"]).out.split()[:2]
    unit = f"postgresql@{version}-{name}.service"
    # As in the quickstart: its data live as long as the test.
    database.write(f"/etc/postgresql/{version}/{name}/conf.d/shop.conf", "fsync = off\nautovacuum = off\n")
    database.systemctl("start", unit, within=60)
    database.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "createuser", "--superuser", "shop"])
    program = (ROOT / "policies/quickstart/checkout.py").read_text()
    assert PATIENCE in program
    database.write("/srv/shop/checkout.py", program.replace(PATIENCE, "PATIENCE = 0.8"))
    database.install_unit("checkout.service", CHECKOUT.format(web=web.address))
    database.run(["mkdir", "-p", "/srv/uploads"])
    database.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=1777", "tmpfs", "/srv/uploads"])
    database.policy(DATABASE.format(web=web.address, postgresql=unit))
    database.systemctl("start", "checkout.service")
    return unit


# ---- The disasters ------------------------------------------------------------------------------


def _pid(host: Host, unit: str) -> str:
    return host.unit(unit, "MainPID")["MainPID"]


def _break_checkout(shop: Shop, path: str) -> None:
    ask = f"import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8080{path}', method='POST'))"
    shop.database.run(["python3", "-c", ask])


def _fill_uploads(shop: Shop) -> None:
    shop.database.run(["dd", "if=/dev/zero", "of=/srv/uploads/picture.part", "bs=64k"], check=False)


def _was_blocked(shop: Shop) -> bool:
    return shop.database.service("checkout")["state"] in ("blocked", "checking", "settling")


def _take_database_away(shop: Shop) -> None:
    data = "/var/lib/postgresql"
    shop.database.run(["mv", data, f"{data}.away"])
    shop.database.systemctl("kill", "--signal=SIGKILL", shop.postgresql)
    shop.database.wait_until(lambda: _was_blocked(shop), 20, "the checkout is blocked by its dependency")
    time.sleep(AWAY)  # how long it is away is what the disaster is
    shop.database.run(["mv", f"{data}.away", data])


def _cut_the_network(shop: Shop) -> None:
    shop.web.run(["ip", "link", "set", "host0", "down"])
    shop.database.wait_until(lambda: _was_blocked(shop), 20, "the checkout is blocked by the cart")
    time.sleep(AWAY)
    shop.web.run(["ip", "link", "set", "host0", "up"])


@dataclass(frozen=True)
class Disaster:
    name: str
    service: str  # that has to be recovered
    strike: Callable[[Shop], None]
    by_action: bool = True  # or it comes back by itself
    checkout_is_left_alone: bool = False


DISASTERS = [
    Disaster("nginx is killed", "storefront", lambda shop: shop.web.systemctl("kill", "--signal=SIGKILL", "nginx.service")),
    Disaster("redis hangs", "cart", lambda shop: shop.web.run(["kill", "-STOP", _pid(shop.web, "redis-server.service")]),
             checkout_is_left_alone=True),
    Disaster("the checkout answers 500", "checkout", lambda shop: _break_checkout(shop, "/break")),
    Disaster("nobody can pay", "checkout", lambda shop: _break_checkout(shop, "/break/payment")),
    Disaster("the uploads are full", "uploads", _fill_uploads),
    Disaster("the database is taken away", "orders", _take_database_away, checkout_is_left_alone=True),
    Disaster("the network is cut", "checkout", _cut_the_network, by_action=False, checkout_is_left_alone=True),
]  # fmt: skip


def _strike(disaster: Disaster, shop: Shop) -> None:
    host = shop.host_of(disaster.service)
    before = {one["id"] for one in host.incidents(disaster.service)}
    checkout, began = _pid(shop.database, "checkout.service"), time.time()
    disaster.strike(shop)

    def is_over() -> bool:
        ours = [one for one in host.incidents(disaster.service) if one["id"] not in before]
        return bool(ours) and not any(one["open"] for one in ours) and shop.is_open()

    host.wait_until(is_over, WITHIN, f"{disaster.name}: it is over")
    ours = [one for one in host.incidents(disaster.service) if one["id"] not in before]
    assert not disaster.by_action or ours[0]["end"] == "recovered", disaster.name
    if disaster.name == "nobody can pay":
        assert "step pay (3 of 3)" in ours[-1]["detail"]
    if disaster.checkout_is_left_alone:
        assert _pid(shop.database, "checkout.service") == checkout, "the checkout was restarted"
    assert disaster.service == "uploads" or shop.customers.failed_since(began) > 0, "no customer noticed it"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_customers_can_buy_after_every_disaster(new_host) -> None:
    web, database = new_host("web2", fresh=True), new_host("db2", fresh=True)
    _prepare_web(web, database)
    postgresql = _prepare_database(web, database)
    with Customers(web, web.address) as customers:
        shop = Shop(web, database, postgresql, customers)
        for host in (web, database):
            host.start_recoverd()
        web.wait_until(shop.is_open, WITHIN, "the shop is open")
        for disaster in DISASTERS:
            _strike(disaster, shop)
