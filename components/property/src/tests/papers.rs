//! Invoices and receipts on paper: what is on them is read back out of the files. With `NEXUS_PAPERS=folder` the files
//! are kept there, to be looked at.

use nexus_domain::ids::AttachmentId;
use nexus_domain::message::Attachment;
use nexus_store::chat::attachments;

use super::*;

/// The text of every page.
fn read(answer: &Answer) -> Vec<String> {
    let document = lopdf::Document::load_mem(&answer.bytes).unwrap();
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    pages
        .iter()
        .map(|page| document.extract_text(&[*page]).unwrap().replace('\n', ""))
        .collect()
}

pub fn keep(name: &str, answer: &Answer) {
    if let Ok(folder) = std::env::var("NEXUS_PAPERS") {
        std::fs::write(format!("{folder}/{name}.pdf"), &answer.bytes).unwrap();
    }
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} in {text}");
    }
}

/// A PNG of one colour, 40 × 20.
fn logo() -> Vec<u8> {
    fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
        out.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        let begin = out.len();
        out.extend(kind);
        out.extend(content);
        let crc = crc32(&out[begin..]);
        out.extend(crc.to_be_bytes());
    }
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
            })
        })
    }
    let row: Vec<u8> = std::iter::once(0).chain([0x1a, 0x7f, 0x5a].repeat(40)).collect();
    let rows = row.repeat(20);
    // A zlib stream of one stored block (RFC 1950, RFC 1951 §3.2.4).
    let mut packed = vec![0x78, 0x01, 0x01];
    let length = u16::try_from(rows.len()).unwrap();
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(&rows);
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    packed.extend((b << 16 | a).to_be_bytes());
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &[0, 0, 0, 40, 0, 0, 0, 20, 8, 2, 0, 0, 0]);
    chunk(&mut png, b"IDAT", &packed);
    chunk(&mut png, b"IEND", &[]);
    png
}

pub async fn upload(product: &Product, owner: UserId, content: Vec<u8>, content_type: &str) -> AttachmentId {
    let attachment = Attachment {
        id: clock::new_id(AttachmentId::generate),
        file_name: "logo.png".into(),
        content_type: content_type.into(),
        size: content.len() as u64,
        width: None,
        height: None,
    };
    let key = nexus_kit::blob::put(&product.app, content.into()).await.unwrap();
    attachments::insert(product.app.database(), owner, &attachment, key.as_str(), clock::now()).unwrap();
    attachment.id
}

async fn invoice(product: &Product, manager: &str, lease: &str, lines: Value) -> String {
    let new = json!({"occupancyId": lease, "invoiceDate": "2026-02-01", "dueDate": "2099-01-01", "periodStart": "2026-02-01",
        "periodEnd": "2026-02-28", "lines": lines, "status": "ISSUED"});
    product.post("/invoices", manager, new).await.is(201).id()
}

#[tokio::test]
async fn an_invoice_says_whose_it_is_and_what_it_is_for() {
    let product = Product::start();
    let company = product.company();
    let (admin_id, admin) = product.person(Role::Admin, Some(company));
    let (user, resident) = product.person(Role::Student, Some(company));
    let (_, neighbour) = product.person(Role::Student, Some(company));
    let (_, tenant, lease) = product.lease(&admin).await;
    product
        .patch(&format!("/tenants/{tenant}"), &admin, json!({"userId": user}))
        .await
        .is(200);
    let logo = upload(&product, admin_id, logo(), "image/png").await;
    let branding =
        json!({"logo": logo, "primaryColor": "#1a7f5a", "letterhead": ["12 Corniche Road, Cairo", "Tax 123-456"]});
    product
        .patch(
            &format!("/companies/{company}"),
            &admin,
            json!({"branding": branding, "name": "Nile Living"}),
        )
        .await
        .is(200);
    let lines = json!([{"description": "Rent 2026-02", "unitAmount": 31_000_050}, {"description": "Cleaning", "quantity": 3, "unitAmount": 500}]);
    let id = invoice(&product, &admin, &lease, lines).await;
    product
        .post(
            "/payments",
            &admin,
            json!({"invoiceId": id, "amount": 1550, "paymentMethod": "CASH"}),
        )
        .await
        .is(201);
    let path = format!("/invoices/{id}/pdf");
    let printed = product.get(&path, &resident).await.is(200);
    keep("invoice-en", &printed);
    assert_eq!(printed.headers["content-type"], "application/pdf");
    assert_eq!(printed.headers["cache-control"], "no-store");
    let pages = read(&printed);
    assert_eq!(pages.len(), 1);
    has(
        &pages[0],
        &[
            "Nile Living",
            "12 Corniche Road, Cairo",
            "Tax 123-456",
            "Invoice",
            "2026-000001",
            "2099-01-01",
            "Partly paid",
            "Ana",
            "ana@example.org",
            "Apartment A1, Green Hills",
            "Rent 2026-02",
            "310,000.50",
            "Cleaning",
            "5.00",
            "EGP 310,015.50",
            "EGP 15.50",
            "EGP 310,000.00",
            "Page 1 of 1",
        ],
    );
    let images = lopdf::Document::load_mem(&printed.bytes).unwrap();
    assert!(images.objects.values().any(|object| {
        object.as_stream().is_ok_and(|stream| {
            stream
                .dict
                .get(b"Subtype")
                .is_ok_and(|kind| kind.as_name().is_ok_and(|name| name == b"Image"))
        })
    }));
    let again = product.get(&path, &admin).await.is(200);
    assert!(printed.bytes == again.bytes, "the same input gives the same bytes");
    product.get(&path, &neighbour).await.is(404);
    product.get(&format!("{path}?locale=xx"), &resident).await.is(400);
    product.get(&format!("{path}?surprise=1"), &resident).await.is(400);
    let french = product.get(&format!("{path}?locale=fr"), &resident).await.is(200);
    has(&read(&french)[0], &["Facture", "Échéance", "Partiellement réglée"]);
}

#[tokio::test]
async fn arabic_documents_read_from_the_right() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (apartment, tenant, lease) = product.lease(&admin).await;
    let named = json!({"name": "شركة النيل للإسكان", "branding": {"letterhead": ["١٢ شارع الكورنيش، القاهرة"]}});
    product
        .patch(&format!("/companies/{company}"), &admin, named)
        .await
        .is(200);
    product
        .patch(
            &format!("/tenants/{tenant}"),
            &admin,
            json!({"fullName": "مريم أحمد الشريف"}),
        )
        .await
        .is(200);
    product
        .patch(&format!("/apartments/{apartment}"), &admin, json!({"floor": 3}))
        .await
        .is(200);
    let lines = json!([{"description": "إيجار شهر فبراير 2026، شقة (A1)", "unitAmount": 310_000},
        {"description": "رسوم الصيانة والنظافة الشهرية للمبنى والمصاعد والحديقة ومواقف السيارات حسب العقد", "quantity": 2, "unitAmount": 12_500}]);
    let id = invoice(&product, &admin, &lease, lines.clone()).await;
    let printed = product
        .get(&format!("/invoices/{id}/pdf?locale=ar"), &admin)
        .await
        .is(200);
    keep("invoice-ar", &printed);
    let text = &read(&printed)[0];
    // A file holds glyphs as they stand on the page, from the left.
    let as_drawn = |word: &str| word.chars().rev().collect::<String>();
    for word in ["فاتورة", "النيل", "مريم", "الشريف", "المستحق", "فبراير", "والمصاعد"]
    {
        assert!(text.contains(&as_drawn(word)), "{word} in {text}");
    }
    has(text, &["2026-000001", "EGP 3,350.00", "ana@example.org"]);

    let latin = json!({"branding": {"letterhead": ["12 Corniche Road, Cairo (2nd floor)"]}});
    product
        .patch(&format!("/companies/{company}"), &admin, latin)
        .await
        .is(200);
    let id = invoice(&product, &admin, &lease, lines).await;
    let printed = product
        .get(&format!("/invoices/{id}/pdf?locale=ar"), &admin)
        .await
        .is(200);
    keep("invoice-ar-latin", &printed);
    has(
        &read(&printed)[0],
        &["12 Corniche Road, Cairo (2nd floor)", "Green Hills"],
    );
}

#[tokio::test]
async fn long_invoices_go_on_for_pages() {
    let product = Product::start();
    let (_, admin) = product.person(Role::Admin, Some(product.company()));
    let (_, _, lease) = product.lease(&admin).await;
    let lines: Vec<_> = (1..=100)
        .map(|n| json!({"description": format!("Thing{n:03} {}", "words and more words ".repeat(8)), "unitAmount": n}))
        .collect();
    let id = invoice(&product, &admin, &lease, json!(lines)).await;
    let printed = product.get(&format!("/invoices/{id}/pdf"), &admin).await.is(200);
    keep("invoice-long", &printed);
    let pages = read(&printed);
    assert!(pages.len() > 3);
    for (place, page) in pages.iter().enumerate() {
        has(page, &[&format!("Page {} of {}", place + 1, pages.len())]);
    }
    let all = pages.concat();
    for n in 1..=100 {
        has(&all, &[&format!("Thing{n:03}")]);
    }
    has(&pages[pages.len() - 1], &["EGP 50.50"]);
}

#[tokio::test]
async fn drafts_are_no_invoices_void_ones_nothing_owed_and_reversed_payments_say_so() {
    let product = Product::start();
    let (_, admin) = product.person(Role::Admin, Some(product.company()));
    let (_, _, lease) = product.lease(&admin).await;
    let lines = json!([{"description": "Rent", "unitAmount": 1000}]);
    let draft = json!({"occupancyId": lease, "lines": lines});
    let draft = product.post("/invoices", &admin, draft).await.is(201).id();
    let printed = product.get(&format!("/invoices/{draft}/pdf"), &admin).await.is(200);
    has(&read(&printed)[0], &["not an invoice yet"]);
    let void = invoice(&product, &admin, &lease, lines.clone()).await;
    product
        .post(&format!("/invoices/{void}/void"), &admin, json!({}))
        .await
        .is(200);
    let printed = product.get(&format!("/invoices/{void}/pdf"), &admin).await.is(200);
    has(&read(&printed)[0], &["nothing is owed on this invoice", "2026-000001"]);

    let id = invoice(&product, &admin, &lease, lines).await;
    let paid = json!({"invoiceId": id, "amount": 600, "paymentMethod": "BANK_TRANSFER", "reference": "TX-99", "paymentDate": "2026-02-03"});
    let payment = product.post("/payments", &admin, paid).await.is(201).id();
    let path = format!("/payments/{payment}/receipt");
    let printed = product.get(&path, &admin).await.is(200);
    keep("receipt", &printed);
    has(
        &read(&printed)[0],
        &[
            "Receipt",
            "Received from",
            "Ana",
            "EGP 6.00",
            "Bank transfer",
            "TX-99",
            "2026-02-03",
            "2026-000002",
            &payment,
        ],
    );
    product
        .post(
            &format!("/payments/{payment}/reverse"),
            &admin,
            json!({"reason": "bounced"}),
        )
        .await
        .is(200);
    let printed = product.get(&path, &admin).await.is(200);
    has(&read(&printed)[0], &["Reversed on", "bounced"]);
    let (_, stranger) = product.person(Role::Admin, Some(product.company()));
    product.get(&path, &stranger).await.is(404);
    product.get(&format!("/invoices/{id}/pdf"), &stranger).await.is(404);
}

#[tokio::test]
async fn what_was_issued_says_whose_it_was_whatever_they_are_called_later() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (apartment, tenant, lease) = product.lease(&admin).await;
    let lines = json!([{"description": "Rent", "unitAmount": 1000}]);
    let at_once = invoice(&product, &admin, &lease, lines.clone()).await;
    let draft = json!({"occupancyId": lease, "lines": lines});
    let later = product.post("/invoices", &admin, draft.clone()).await.is(201).id();
    product
        .post(&format!("/invoices/{later}/issue"), &admin, json!({}))
        .await
        .is(200);
    let draft = product.post("/invoices", &admin, draft).await.is(201).id();
    let paid = json!({"invoiceId": at_once, "amount": 600, "paymentMethod": "CASH"});
    let payment = product.post("/payments", &admin, paid).await.is(201).id();
    let issued = [
        format!("/invoices/{at_once}/pdf"),
        format!("/invoices/{later}/pdf"),
        format!("/payments/{payment}/receipt"),
    ];
    let mut before = Vec::new();
    for path in &issued {
        before.push(product.get(path, &admin).await.is(200).bytes);
    }

    for (path, change) in [
        (
            format!("/companies/{company}"),
            json!({"name": "Other Living", "branding": {"letterhead": ["Elsewhere 1"]}}),
        ),
        (
            format!("/tenants/{tenant}"),
            json!({"fullName": "Bo Other", "email": "bo@example.org"}),
        ),
        (format!("/apartments/{apartment}"), json!({"apartmentNumber": "Z9"})),
    ] {
        product.patch(&path, &admin, change).await.is(200);
    }
    for (path, before) in issued.iter().zip(before) {
        assert!(product.get(path, &admin).await.is(200).bytes == before, "{path}");
    }
    let printed = product.get(&format!("/invoices/{draft}/pdf"), &admin).await.is(200);
    has(
        &read(&printed)[0],
        &[
            "Other Living",
            "Elsewhere 1",
            "Bo Other",
            "bo@example.org",
            "Apartment Z9",
        ],
    );
}

#[tokio::test]
async fn a_logo_is_an_image_of_one_s_own() {
    let product = Product::start();
    let company = product.company();
    let (admin_id, admin) = product.person(Role::Admin, Some(company));
    let (other_id, _) = product.person(Role::Admin, Some(product.company()));
    let path = format!("/companies/{company}");
    let with = |logo: AttachmentId| json!({"branding": {"logo": logo}});
    let theirs = upload(&product, other_id, logo(), "image/png").await;
    product.patch(&path, &admin, with(theirs)).await.is(404);
    let text = upload(&product, admin_id, b"no picture".to_vec(), "text/plain").await;
    product.patch(&path, &admin, with(text)).await.is(400);
    let own = upload(&product, admin_id, logo(), "image/png").await;
    product.patch(&path, &admin, with(own)).await.is(200);
    let (_, colleague) = product.person(Role::Admin, Some(company));
    product
        .patch(
            &path,
            &colleague,
            json!({"branding": {"logo": own, "primaryColor": "#000000"}}),
        )
        .await
        .is(200);
}
