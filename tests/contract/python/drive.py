"""Calls the product through the client that openapi-python-client made of its document.

usage: drive.py FOLDER URL EMAIL PASSWORD   (FOLDER holds the package `nexus_client`)
"""

import datetime
import io
import sys

folder, url, email, password = sys.argv[1:5]
sys.path.insert(0, folder)

from nexus_client import AuthenticatedClient, Client  # noqa: E402
from nexus_client import models  # noqa: E402
from nexus_client.api.apartments import create_apartment, list_apartments  # noqa: E402
from nexus_client.api.auth import change_password, get_me, sign_in  # noqa: E402
from nexus_client.api.compounds import create_compound, delete_compound, list_compounds, update_compound  # noqa: E402
from nexus_client.api.invoices import create_invoice, get_invoice_pdf  # noqa: E402
from nexus_client.api.occupancies import create_occupancy  # noqa: E402
from nexus_client.api.payments import create_payment, get_payment_receipt  # noqa: E402
from nexus_client.api.tenants import import_tenants, list_tenants  # noqa: E402
from nexus_client.types import File  # noqa: E402


def need(what, answer, kind):
    assert isinstance(answer, kind), f"{what}: {answer!r}"
    return answer


session = need(
    "sign in",
    sign_in.sync(client=Client(base_url=url), body=models.SignInBody(email=email, password=password)),
    models.SignedIn,
)
client = AuthenticatedClient(base_url=url, token=session.access_token)

me = need("me", get_me.sync(client=client), models.Me)
assert isinstance(me.user.last_login_at, datetime.datetime), me

compound = need(
    "compound",
    create_compound.sync(
        client=client,
        body=models.NewCompound(name="Blue Hills", address=models.Address(city="Cairo", line2="2nd floor")),
    ),
    models.Compound,
)
patched = need(
    "patch",
    update_compound.sync(compound.id, client=client, body=models.CompoundPatch(address=models.Address(line2=None))),
    models.Compound,
)
assert patched.address.city == "Cairo" and patched.address.line2 is None, patched

page = need("compounds", list_compounds.sync(client=client, sort=models.ListCompoundsSort("-name"), with_total=True), models.PageCompound)
assert any(item.name == "Blue Hills" for item in page.items) and page.total > 0, page

apartment = need(
    "apartment",
    create_apartment.sync(
        client=client,
        body=models.NewApartment(compound_id=compound.id, apartment_number="B1", monthly_rent=310_000),
    ),
    models.Apartment,
)
several = need("apartments", list_apartments.sync(client=client, monthly_rent_from=310_000), models.PageApartment)
assert any(item.id == apartment.id for item in several.items), several

rows = b"fullName,email,phone\r\nBen Kos,ben.kos@example.net,+201001234568\r\n"
file = File(payload=io.BytesIO(rows), file_name="tenants.csv", mime_type="text/csv")
imported = need("import", import_tenants.sync(client=client, body=models.ImportTenantsBody(file=file)), models.ImportResult)
assert imported.created == 1 and not imported.errors, imported

tenants = need("tenants", list_tenants.sync(client=client, email="ben.kos@example.net"), models.PageTenant)
occupancy = need(
    "occupancy",
    create_occupancy.sync(
        client=client,
        body=models.NewOccupancy(
            apartment_id=apartment.id, tenant_id=tenants.items[0].id, start_date=datetime.date(2026, 1, 1)
        ),
    ),
    models.Occupancy,
)
invoice = need(
    "invoice",
    create_invoice.sync(
        client=client,
        idempotency_key="drive-2",
        body=models.NewInvoice(
            occupancy_id=occupancy.id,
            status=models.NewInvoiceStatus.ISSUED,
            due_date=datetime.date(2099, 1, 1),
            lines=[models.NewLine(description="Rent", unit_amount=310_000)],
        ),
    ),
    models.Invoice,
)
paper = need("paper", get_invoice_pdf.sync(invoice.id, client=client), File)
assert paper.payload.read().startswith(b"%PDF-")

payment = need(
    "payment",
    create_payment.sync(
        client=client,
        body=models.NewPayment(invoice_id=invoice.id, amount=1_000, payment_method=models.PaymentMethod.CASH),
    ),
    models.Payment,
)
receipt = need("receipt", get_payment_receipt.sync(payment.id, client=client), File)
assert receipt.payload.read().startswith(b"%PDF-")

refused = need("refused", delete_compound.sync(compound.id, client=client), models.Problem)
assert refused.code is models.ErrorCode.CONFLICT and refused.type_ == "/docs#CONFLICT", refused

wrong = need(
    "a wrong password",
    change_password.sync(
        client=client,
        body=models.ChangePasswordBody(current_password="Wrong-Horse-7", new_password="Quiet-River-42"),
    ),
    models.Problem,
)
assert wrong.status == 403 and wrong.code is models.ErrorCode.WRONG_PASSWORD, wrong
print("done")
