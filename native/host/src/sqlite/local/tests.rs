use super::*;

fn opened(path: Option<PathBuf>) -> Opened {
    let file = SqliteFile {
        path,
        allow_attach_file: false,
    };
    Opened::new(Arc::new(SharedFile::new(file))).unwrap()
}

fn run(db: &mut Opened, sql: &str) -> Result<QueryResult, Error> {
    let timeout = db.busy_timeout;
    db.run(sql, &[], timeout)
}

#[test]
fn a_slow_read_does_not_run_inline_again() {
    let mut db = opened(None);
    let long =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n";
    assert!(matches!(db.read_inline(long, &[]), Inline::No));
    assert!(db.slow.contains(long));
    assert_eq!(run(&mut db, long).unwrap().rows.len(), 1);
    assert!(matches!(db.read_inline("SELECT 1", &[]), Inline::Done(Ok(_))));
}

#[test]
fn the_guest_sees_the_busy_timeout_that_it_set() {
    let mut db = opened(None);
    let timeout = |db: &mut Opened| match run(db, "PRAGMA busy_timeout").unwrap().rows[0].values[0] {
        Value::Integer(millis) => millis,
        _ => unreachable!(),
    };
    assert_eq!(timeout(&mut db), 5000);
    run(&mut db, "PRAGMA busy_timeout = 1234").unwrap();
    assert_eq!(timeout(&mut db), 1234);
}

#[test]
fn a_write_is_never_run_inline() {
    let mut db = opened(None);
    run(&mut db, "CREATE TABLE t (a)").unwrap();
    let hidden = "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x";
    assert!(matches!(db.read_inline(hidden, &[]), Inline::No));
    assert!(run(&mut db, "SELECT * FROM t").unwrap().rows.is_empty());
}

#[test]
fn another_file_cannot_be_attached() {
    let mut db = opened(None);
    assert!(run(&mut db, "ATTACH 'other.db' AS other").is_err());
    assert!(run(&mut db, "ATTACH ':memory:' AS other").is_ok());
}

#[tokio::test]
async fn writers_of_one_file_take_turns_in_the_order_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile {
        path: Some(folder.path().join("a.db")),
        allow_attach_file: false,
    };
    let database = LocalDatabase::new(file);
    let connect = || database.connect(Arc::default());
    let first = connect();
    let execute = async |db: &Arc<dyn Connect>, sql: &str| db.execute(sql.to_owned(), Vec::new()).await;
    execute(&first, "CREATE TABLE t (x)").await.unwrap();
    execute(&first, "BEGIN IMMEDIATE").await.unwrap();
    let writers: Vec<_> = (0..40)
        .map(|n| {
            let db = connect();
            async move {
                db.execute("BEGIN IMMEDIATE".into(), Vec::new()).await?;
                db.execute(format!("INSERT INTO t VALUES ({n})"), Vec::new()).await?;
                db.execute(if n % 4 == 3 { "ROLLBACK" } else { "COMMIT" }.into(), Vec::new())
                    .await
            }
        })
        .collect();
    let all = futures::future::join_all(writers);
    let (ends, ended) = tokio::join!(all, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        execute(&first, "COMMIT").await
    });
    assert!(ended.is_ok() && ends.iter().all(Result::is_ok));
    let rows = execute(&first, "SELECT x FROM t ORDER BY rowid").await.unwrap().rows;
    let order = rows.iter().map(|row| match row.values[0] {
        Value::Integer(n) => n,
        _ => unreachable!(),
    });
    assert!(order.eq((0..40).filter(|n| n % 4 != 3)));
}

#[tokio::test]
async fn a_dropped_connection_releases_its_write_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = Some(folder.path().join("a.db"));
    let mut gone = opened(path.clone());
    let shared = gone.shared.clone();
    gone.acquire_write_turn("BEGIN IMMEDIATE").await;
    run(&mut gone, "BEGIN IMMEDIATE").unwrap();
    assert_eq!(shared.write_turns.available_permits(), 0);
    drop(gone);
    let mut next = Opened::new(shared.clone()).unwrap();
    next.acquire_write_turn("CREATE TABLE t (x)").await;
    run(&mut next, "CREATE TABLE t (x)").unwrap();
    assert_eq!(
        shared.write_turns.available_permits(),
        1,
        "a statement by itself is over with itself"
    );
}

#[tokio::test]
async fn a_fast_write_runs_inline_only_while_its_transaction_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = opened(Some(folder.path().join("a.db")));
    let insert = "INSERT INTO t VALUES (1)";
    run(&mut db, "CREATE TABLE t (x)").unwrap();
    for _ in 0..20 {
        db.acquire_write_turn("BEGIN IMMEDIATE").await;
        run(&mut db, "BEGIN IMMEDIATE").unwrap();
        run(&mut db, insert).unwrap();
        run(&mut db, "COMMIT").unwrap();
    }
    assert!(
        matches!(db.run_inline(insert, &[]), Inline::No),
        "it would wait for the lock"
    );
    db.acquire_write_turn("BEGIN IMMEDIATE").await;
    run(&mut db, "BEGIN IMMEDIATE").unwrap();
    assert!(matches!(db.run_inline(insert, &[]), Inline::Done(Ok(_))));
    let long = [Value::Text("x".repeat(INLINE_PARAMETER_BYTES + 1))];
    assert!(matches!(db.run_inline(insert, &long), Inline::No), "it may take long");
    assert!(
        matches!(db.run_inline("COMMIT", &[]), Inline::No),
        "it waits for the disk"
    );
    run(&mut db, "COMMIT").unwrap();
    let rows = run(&mut db, "SELECT count(*) FROM t").unwrap().rows;
    assert!(matches!(rows[0].values[0], Value::Integer(21)));
}
