//! Logos that can't be drawn, and letters that the fonts lack: neither keeps a paper from being made.

use super::papers::upload;
use super::*;

const PNG: &[u8] = include_bytes!("../../../../crates/domain/fixtures/whole.png");
const PALETTE: &[u8] = include_bytes!("../../../../crates/domain/fixtures/palette.png");
const JPEG: &[u8] = include_bytes!("../../../../crates/domain/fixtures/whole.jpg");

/// A PNG with these dimensions in its header, under a right checksum.
fn resized(width: u32, height: u32) -> Vec<u8> {
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
            })
        })
    }
    let mut png = PNG.to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

/// Each with what is said of it.
fn broken() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let mut wrong = PNG.to_vec();
    wrong[PNG.len() - 18] ^= 1;
    let palette = PALETTE.windows(4).position(|window| window == b"PLTE").unwrap() - 4;
    let length = usize::from(PALETTE[palette + 3]) + 12;
    let without = [&PALETTE[..palette], &PALETTE[palette + length..]].concat();
    let as_dos: Vec<u8> = PNG
        .iter()
        .flat_map(|byte| {
            if *byte == b'\n' {
                vec![b'\r', b'\n']
            } else {
                vec![*byte]
            }
        })
        .collect();
    vec![
        (PNG[..PNG.len() - 12].to_vec(), "image/png", "TRUNCATED"),
        (wrong, "image/png", "DAMAGED"),
        (without, "image/png", "DAMAGED"),
        (as_dos, "image/png", "DAMAGED"),
        (resized(24_000, 24_000), "image/png", "TOO_MANY_PIXELS"),
        // The rows that follow are too few.
        (resized(30, 2_000), "image/png", "DAMAGED"),
        (JPEG[..JPEG.len() - 12].to_vec(), "image/jpeg", "TRUNCATED"),
    ]
}

async fn estate(product: &Product, admin: &str) -> (String, String) {
    let (_, _, lease) = product.lease(admin).await;
    let new = json!({"occupancyId": lease, "dueDate": "2099-01-01", "status": "ISSUED",
        "lines": [{"description": "Rent", "unitAmount": 1_000}]});
    let invoice = product.post("/invoices", admin, new).await.is(201).id();
    let payment = json!({"invoiceId": invoice, "amount": 400, "paymentMethod": "CASH"});
    let payment = product.post("/payments", admin, payment).await.is(201).id();
    (
        format!("/invoices/{invoice}/pdf"),
        format!("/payments/{payment}/receipt"),
    )
}

fn pictures(answer: &Answer) -> usize {
    let document = lopdf::Document::load_mem(&answer.bytes).unwrap();
    let is_picture = |object: &lopdf::Object| {
        let stream = object.as_stream().ok();
        stream.is_some_and(|stream| {
            stream
                .dict
                .get(b"Subtype")
                .and_then(lopdf::Object::as_name)
                .is_ok_and(|name| name == b"Image")
        })
    };
    document.objects.values().filter(|object| is_picture(object)).count()
}

#[tokio::test]
async fn a_picture_that_does_not_decode_is_no_logo() {
    let product = Product::start();
    let company = product.company();
    let (admin_id, admin) = product.person(Role::Admin, Some(company));
    let path = format!("/companies/{company}");
    for (content, content_type, code) in broken() {
        let logo = upload(&product, admin_id, content, content_type).await;
        let answer = product
            .patch(&path, &admin, json!({"branding": {"logo": logo}}))
            .await
            .is(400);
        let error = &answer.json["errors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!("branding.logo"), &json!(code)),
            "{}",
            answer.text
        );
    }
    let (_, owner) = product.person(Role::SuperAdmin, None);
    let (content, content_type, _) = broken().remove(0);
    let logo = upload(&product, admin_id, content, content_type).await;
    let new = json!({"name": "N", "slug": "nn", "currency": "EGP", "timezone": "UTC", "branding": {"logo": logo}});
    product.post("/companies", &owner, new).await.is(404);
}

#[tokio::test]
async fn a_paper_is_made_without_a_stored_logo_that_can_not_be_drawn() {
    let product = Product::start();
    let company = product.company();
    let (admin_id, admin) = product.person(Role::Admin, Some(company));
    let (invoice, receipt) = estate(&product, &admin).await;
    for content in [PNG, PALETTE, JPEG] {
        let logo = upload(&product, admin_id, content.to_vec(), "image/png").await;
        let branding = json!({"branding": {"logo": logo}});
        product
            .patch(&format!("/companies/{company}"), &admin, branding)
            .await
            .is(200);
        for path in [&invoice, &receipt] {
            assert_eq!(pictures(&product.get(path, &admin).await.is(200)), 1, "{path}");
        }
    }
    // As a program before this one took them.
    let store = |logo: String| {
        let branding = json!({ "logo": logo }).to_string();
        let sql = "UPDATE companies SET branding = ?2 WHERE id = ?1";
        product.app.database().execute(sql, params![company, branding]).unwrap();
    };
    for (content, content_type, code) in broken() {
        let logo = upload(&product, admin_id, content, content_type).await;
        store(logo.to_string());
        for path in [&invoice, &receipt] {
            let printed = product.get(path, &admin).await.is(200);
            assert_eq!(pictures(&printed), 0, "{code}: {path}");
        }
    }
    let sql = "UPDATE attachments SET blob_key = 'gone'";
    product.app.database().execute(sql, &[]).unwrap();
    product.get(&invoice, &admin).await.is(200);
}

#[tokio::test]
async fn names_in_scripts_that_the_fonts_lack_are_boxes_on_paper() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (invoice, receipt) = estate(&product, &admin).await;
    let tenant = product.get("/tenants", &admin).await.json["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = product.get(&invoice, &admin).await.is(200);
    let draft = |name: &'static str| {
        let (product, admin, tenant) = (&product, &admin, &tenant);
        async move {
            product
                .patch(&format!("/tenants/{tenant}"), admin, json!({"fullName": name}))
                .await
                .is(200);
            let lease = product.get("/occupancies", admin).await.json["items"][0]["id"].clone();
            let lines = json!([{"description": name, "unitAmount": 1_000}]);
            let new = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines});
            let draft = product.post("/invoices", admin, new).await.is(201).id();
            product.get(&format!("/invoices/{draft}/pdf"), admin).await.is(200)
        }
    };
    assert!(product.get(&receipt, &admin).await.is(200).bytes.len() > 1_000 && before.bytes.len() > 1_000);
    for name in ["Иван Петров", "Γιώργος", "דוד כהן", "สมชาย", "田中太郎", "김민준"]
    {
        let printed = draft(name).await;
        super::papers::keep(&format!("boxes-{}", name.chars().next().unwrap()), &printed);
        let document = lopdf::Document::load_mem(&printed.bytes).unwrap();
        let page = *document.get_pages().values().next().unwrap();
        let content = document.get_page_content(page);
        let content = lopdf::content::Content::decode(&content).unwrap();
        let boxes = content
            .operations
            .iter()
            .filter(|operation| operation.operator == "f*")
            .count();
        assert!(boxes >= 2, "{name}: of the tenant and of the line: {boxes}");
    }
}
