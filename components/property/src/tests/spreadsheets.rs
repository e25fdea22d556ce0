//! Imports of files as spreadsheets and browsers send them, and exports as files.

use super::*;

const FORM: &str = "multipart/form-data; boundary=b";

async fn import(product: &Product, manager: &str, path: &str, content_type: &str, file: impl Into<Body>) -> Answer {
    let headers = [("content-type", content_type)];
    product.send(Method::POST, path, manager, &headers, file).await
}

fn names(answer: &Answer) -> Vec<&str> {
    let items = answer.json["items"].as_array().unwrap();
    items.iter().map(|item| item["fullName"].as_str().unwrap()).collect()
}

/// What was found wrong: line, field and message.
fn errors(answer: &Answer) -> Vec<(u64, &str, &str)> {
    let errors = answer.json["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["field"].as_str().unwrap(),
                error["message"].as_str().unwrap(),
            )
        })
        .collect()
}

fn form(disposition: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: application/vnd.ms-excel\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--b--\r\n"].concat()
}

#[tokio::test]
async fn files_are_taken_as_spreadsheets_and_browsers_send_them() {
    let text = "fullName,email,phone\nAna,ana@example.org,'+201001234567\nÉlodie,e@example.org,\n";
    let utf_16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let big_endian: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let with_empty = "fullName,email,phone,,\r\nAna,ana@example.org,'+201001234567,,\r\n,,,,\r\n\r\nÉlodie,e@example.org,,,\r\n,,,,\r\n";
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("text/csv", text.into()),
        ("text/csv", text.replace('\n', "\r").into()),
        ("text/csv", text.replace('\n', "\r\n").into()),
        ("text/csv; charset=utf-8", format!("\u{feff}{text}").into()),
        ("text/csv; charset=utf-16", utf_16(text)),
        ("text/csv", utf_16(text)),
        ("application/csv", big_endian),
        ("application/vnd.ms-excel", text.replace(',', ";").into()),
        ("text/tab-separated-values", text.replace(',', "\t").into()),
        ("text/csv", format!("sep=;\r\n{}", text.replace(',', ";")).into()),
        ("text/csv", with_empty.into()),
        (FORM, form("name=\"file\"; filename=\"people.csv\"", text.as_bytes())),
        (FORM, form("name=\"file\"; filename=\"people.csv\"", &utf_16(text))),
    ];
    for (content_type, file) in files {
        let product = Product::start();
        let (_, manager) = product.person(Role::Manager, Some(product.company()));
        let path = "/tenants/import";
        let shown = String::from_utf8_lossy(&file).into_owned();
        let dry = import(
            &product,
            &manager,
            "/tenants/import?dryRun=true",
            content_type,
            file.clone(),
        )
        .await
        .is(200);
        assert_eq!(dry.json, json!({"created": 2, "errors": []}), "{content_type}: {shown}");
        import(&product, &manager, path, content_type, file).await.is(200);
        let found = product.get("/tenants?sort=email", &manager).await;
        assert_eq!(names(&found), ["Ana", "Élodie"], "{content_type}: {shown}");
        assert_eq!(found.json["items"][0]["phone"], "+201001234567");
    }
}

#[tokio::test]
async fn a_byte_order_mark_may_come_in_two_pieces() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let text = "\u{feff}fullName,email\nAna,ana@example.org\n";
    for at in 1..4 {
        let pieces = [&text.as_bytes()[..at], &text.as_bytes()[at..]]
            .map(|piece| Ok::<_, std::convert::Infallible>(piece.to_vec()));
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let answer = import(&product, &manager, "/tenants/import?dryRun=true", "text/csv", body).await;
        assert_eq!(answer.is(200).json["created"], 1, "cut at {at}");
    }
}

#[tokio::test]
async fn a_comma_is_the_decimal_sign_where_it_separates_nothing() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let compound = product
        .post("/compounds", &manager, json!({"name": "One"}))
        .await
        .is(201)
        .id();
    let file = format!(
        "compoundId;apartmentNumber;areaSqm;monthlyRent\r\n{compound};1;82,5;1000\r\n{compound};2;82.25;1000\r\n"
    );
    let answer = import(&product, &manager, "/apartments/import", "text/csv", file)
        .await
        .is(200);
    assert_eq!(answer.json, json!({"created": 2, "errors": []}));
    let found = product.get("/apartments?sort=apartmentNumber", &manager).await;
    let areas: Vec<_> = found.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["areaSqm"].as_f64().unwrap())
        .collect();
    assert_eq!(areas, [82.5, 82.25]);
    let file = format!("compoundId,apartmentNumber,areaSqm,monthlyRent\n{compound},3,large,1000\n");
    let answer = import(&product, &manager, "/apartments/import", "text/csv", file)
        .await
        .is(200);
    assert_eq!(errors(&answer), [(2, "areaSqm", "must be a number")]);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_line_and_by_what_to_do() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let cells = "has 1 cells where there are 2 columns; a text with a line break must stand in quotes";
    let more = "has 3 cells where there are 2 columns; a text with a separator in it must stand in quotes";
    let quote = "the record that begins here is longer than 64 KiB or has more than 1024 cells; if it should end earlier, look for a quote (\") without its second one";
    let unclosed = format!(
        "fullName,email\nAna,ana@example.org\n\"Bo,{}",
        "bo@example.org\n".repeat(6_000)
    );
    type Found<'a> = Vec<(u64, &'a str, &'a str)>;
    let cases: [(Vec<u8>, Found<'_>); 8] = [
        (
            b"fullName,email\nAna\r,ana@example.org\nBo,bo@example.org\n".to_vec(),
            vec![(2, "", cells), (3, "fullName", "is required")],
        ),
        (
            b"fullName,email\r\n\r\nKos, Ana,ana@example.org\r\n".to_vec(),
            vec![(3, "", more)],
        ),
        (
            b"fullName,,email\nAna,x,ana@example.org\n".to_vec(),
            vec![(2, "", "has a value in column 2, which has no name in the first line")],
        ),
        (
            b"fullName,email\nAna,ana@example.org\nRen\xe9e,r@example.org\n".to_vec(),
            vec![(3, "", "is not UTF-8; save the file as “CSV UTF-8” and send it again")],
        ),
        (
            b"PK\x03\x04\x14\0\x06\0".to_vec(),
            vec![(
                1,
                "",
                "the file is a workbook of a spreadsheet; save it there as “CSV UTF-8” and import that",
            )],
        ),
        (
            b"\r\n,,,\r\n".to_vec(),
            vec![(1, "", "the file is empty; its first line names the columns")],
        ),
        (
            b"Name,email\nAna,ana@example.org\n".to_vec(),
            vec![(
                1,
                "Name",
                "is no column; the first line names the columns, and there are fullName, email, phone, nationalId",
            )],
        ),
        (unclosed.into_bytes(), vec![(3, "", quote)]),
    ];
    for (file, expected) in cases {
        let shown = String::from_utf8_lossy(&file[..file.len().min(200)]).into_owned();
        let answer = import(&product, &manager, "/tenants/import", "text/csv", file)
            .await
            .is(200);
        assert_eq!(answer.json["created"], 0);
        let told: Vec<_> = errors(&answer)
            .into_iter()
            .filter(|(_, field, _)| *field != "email")
            .collect();
        assert_eq!(told, expected, "{shown}");
    }
    assert_eq!(product.get("/tenants?withTotal=true", &manager).await.json["total"], 0);
}

#[tokio::test]
async fn a_form_has_one_file_and_nothing_else() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let file = b"fullName,email\nAna,ana@example.org\n";
    let one = form("name=\"file\"; filename=\"a.csv\"", file);
    let twice = [&one[..one.len() - 7], &one].concat();
    let field = async |body: Vec<u8>| {
        let answer = import(&product, &manager, "/tenants/import", FORM, body).await.is(400);
        answer.json["errors"][0]["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(form("name=\"people\"; filename=\"a.csv\"", file)).await, "people");
    assert_eq!(field(twice).await, "file");
    assert_eq!(field(b"--b--\r\n".to_vec()).await, "file");
    assert_eq!(product.get("/tenants?withTotal=true", &manager).await.json["total"], 0);
    for content_type in ["text/csv; charset=klingon", "text/html", "multipart/form-data"] {
        import(&product, &manager, "/tenants/import", content_type, file.to_vec())
            .await
            .is(415);
    }
}

#[tokio::test]
async fn a_list_is_a_file_and_comes_back_as_it_was() {
    let product = Product::start();
    let (_, admin) = product.person(Role::Admin, Some(product.company()));
    for (place, name) in ["=1+1", "'=1+1", "-x", "O'Neil", "'tis"].into_iter().enumerate() {
        let email = format!("a{place}@example.org");
        let tenant = json!({"fullName": name, "email": email, "phone": "+201001234567"});
        product.post("/tenants", &admin, tenant).await.is(201);
    }
    let accept = [("accept", "text/csv")];
    let exported = product
        .send(Method::GET, "/tenants?sort=createdAt", &admin, &accept, "")
        .await
        .is(200);
    assert_eq!(
        exported.headers["content-disposition"],
        "attachment; filename=\"tenants.csv\""
    );
    assert!(
        exported.text.contains("'=1+1") && exported.text.contains("''=1+1"),
        "{}",
        exported.text
    );
    let other = Product::start();
    let (_, manager) = other.person(Role::Manager, Some(other.company()));
    let answer = import(&other, &manager, "/tenants/import", "text/csv", exported.text)
        .await
        .is(200);
    assert_eq!(answer.json, json!({"created": 5, "errors": []}));
    let found = other.get("/tenants?sort=createdAt", &manager).await;
    let mut names = names(&found);
    names.sort_unstable();
    assert_eq!(names, ["'=1+1", "'tis", "-x", "=1+1", "O'Neil"]);
    for accept in ["text/csv;q=0", "*/*", "text/csv;q=0.1, application/json"] {
        let answer = product
            .send(Method::GET, "/tenants", &admin, &[("accept", accept)], "")
            .await
            .is(200);
        assert!(answer.json["items"].is_array(), "{accept}");
        assert_eq!(answer.headers["vary"], "accept");
    }
}
