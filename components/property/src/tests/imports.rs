use super::*;

#[tokio::test]
async fn files_are_imported_whole_or_not_at_all() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let compound = product
        .post("/compounds", &manager, json!({"name": "One"}))
        .await
        .is(201)
        .id();
    let csv = [("content-type", "text/csv")];
    let good = format!("compoundId,apartmentNumber,floor,monthlyRent\n{compound},1,2,1000\n{compound},'=2,,2000\n");
    let bad = format!("compoundId,apartmentNumber,floor,monthlyRent\n{compound},1,x,1000\nnope,2,,-1\n");
    let twice = format!(
        "compoundId,apartmentNumber,monthlyRent\n{compound},7,1\n{compound},7,1\n{},8,1\n",
        clock::new_id(CompanyId::generate)
    );
    let import = |text: &str, query: &str| {
        let (path, text) = (format!("/apartments/import{query}"), text.to_owned());
        let (product, manager) = (&product, &manager);
        async move { product.send(Method::POST, &path, manager, &csv, text).await }
    };
    let errors = import(&bad, "").await.is(200);
    let named: Vec<_> = errors.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["line"].as_u64().unwrap(), e["field"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [(2, "floor"), (3, "compoundId"), (3, "monthlyRent")],
        "{}",
        errors.text
    );
    let both =
        format!("compoundId,apartmentNumber,monthlyRent\n{compound},7,1\n{compound},7\u{200b},1\n{compound},8,x\n");
    let errors = import(&both, "").await.is(200);
    let named: Vec<_> = errors.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["line"].as_u64().unwrap(), e["field"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [(3, "apartmentNumber"), (4, "monthlyRent")],
        "what is wrong with a row and what with two beside each other are told at once: {}",
        errors.text
    );
    let errors = import(&twice, "").await.is(200);
    assert_eq!(errors.json["errors"].as_array().unwrap().len(), 2, "{}", errors.text);
    assert_eq!(
        import(&good, "?dryRun=true").await.is(200).json,
        json!({"created": 2, "errors": []})
    );
    assert_eq!(
        product.get("/apartments?withTotal=true", &manager).await.json["total"],
        0
    );
    assert_eq!(
        import(&good, "").await.is(200).json,
        json!({"created": 2, "errors": []})
    );
    assert_eq!(
        product.get("/apartments?apartmentNumber=%3D2", &manager).await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        import(&good, "").await.is(200).json["errors"][0]["message"],
        "is taken in this compound"
    );
    let tenants = "fullName,email,phone\nAna,ana@example.org,'+201001234567\n";
    let imported = product
        .send(Method::POST, "/tenants/import", &manager, &csv, tenants)
        .await
        .is(200);
    assert_eq!(imported.json["created"], 1, "{}", imported.text);
    product.post("/tenants/import", &manager, json!({})).await.is(415);
}

#[tokio::test]
async fn jobs_are_for_the_scheduler_only() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    product.lease(&manager).await;
    let run = |signed: bool, job: &'static str| {
        let path = format!("/internal/jobs/{job}");
        let mut request = Request::post(&path);
        if signed {
            let signature = sign_request(INTERNAL.as_bytes(), clock::now().as_seconds(), "POST", &path, b"");
            request = request.header("x-nexus-signature", signature);
        }
        let router = product.router.clone();
        async move {
            router
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap()
                .status()
                .as_u16()
        }
    };
    for job in ["overdue", "reminders", "late-fees", "monthly-invoices"] {
        assert_eq!(
            (run(false, job).await, run(true, job).await, run(true, job).await),
            (404, 200, 200),
            "{job}"
        );
    }
    assert_eq!(
        product.get("/invoices?withTotal=true", &manager).await.json["total"],
        1,
        "made once"
    );
}
