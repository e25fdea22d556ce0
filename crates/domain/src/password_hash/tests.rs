use super::*;

const QUICK: Hashing = Hashing::new(PasswordHash::Bcrypt, 5);

fn password(text: &str) -> Password {
    Password::typed(text)
}

#[test]
fn a_password_is_known_again_and_another_is_not() {
    for hashing in [QUICK, Hashing::new(PasswordHash::Argon2id, 5)] {
        let stored = hashing.hash(&password("Quiet-River-42"), [3; 16]).unwrap();
        let verdict = hashing.verify(&password("Quiet-River-42"), Some(&stored));
        assert_eq!(verdict, Verdict::Right { outdated: false }, "{stored}");
        assert_eq!(
            hashing.verify(&password("quiet-River-42"), Some(&stored)),
            Verdict::Wrong
        );
    }
}

#[test]
fn a_hash_of_another_cost_or_algorithm_is_right_but_outdated() {
    let cheap = Hashing::new(PasswordHash::Bcrypt, 4)
        .hash(&password("x"), [1; 16])
        .unwrap();
    let argon = Hashing::new(PasswordHash::Argon2id, 5)
        .hash(&password("x"), [1; 16])
        .unwrap();
    for stored in [cheap, argon] {
        assert_eq!(
            QUICK.verify(&password("x"), Some(&stored)),
            Verdict::Right { outdated: true }
        );
    }
}

#[test]
fn hashes_of_other_programs_are_checked() {
    // From the test vectors of the reference implementation (crypt_blowfish).
    let vector = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    assert_eq!(
        QUICK.verify(&password("U*U"), Some(vector)),
        Verdict::Right { outdated: false }
    );
    assert_eq!(QUICK.verify(&password("U*V"), Some(vector)), Verdict::Wrong);
}

#[test]
fn nothing_is_cut_off_at_72_bytes() {
    let long = "x".repeat(73);
    assert_eq!(QUICK.hash(&password(&long), [0; 16]), Err(HashError::TooLong));
    let stored = QUICK.hash(&password(&long[..72]), [0; 16]).unwrap();
    assert_eq!(
        QUICK.verify(&password(&long[..72]), Some(&stored)),
        Verdict::Right { outdated: false }
    );
    assert_eq!(QUICK.verify(&password(&long), Some(&stored)), Verdict::Wrong);
}

/// A hash as another system makes it: of the bytes as typed, of which bcrypt reads 72.
fn foreign(typed: &str, algorithm: PasswordHash) -> String {
    match algorithm {
        PasswordHash::Bcrypt => bcrypt::hash_with_salt(&typed.as_bytes()[..typed.len().min(72)], 4, [7; 16])
            .unwrap()
            .to_string(),
        PasswordHash::Argon2id => {
            let (parts, output) = Argon2id::today(vec![7; 16]).compute(typed.as_bytes(), 32).unwrap();
            parts.text(&output)
        }
    }
}

#[test]
fn an_imported_hash_is_checked_as_the_other_system_would() {
    let (nfd, nfc) = ("Quie\u{301}t-River-42", "Qui\u{e9}t-River-42");
    let long = format!("Quiet-River-42-{}é and more", "x".repeat(56));
    assert!(
        long.len() > 72 && !long.is_char_boundary(72),
        "the cut is within a character"
    );
    let right = Verdict::Right { outdated: true };
    for hashing in [QUICK, Hashing::new(PasswordHash::Argon2id, 5)] {
        for algorithm in [PasswordHash::Bcrypt, PasswordHash::Argon2id] {
            for typed in [nfd, long.as_str()] {
                let stored = foreign(typed, algorithm);
                let verdict = hashing.verify_typed(typed, Some((&stored, Imported::Yes)), None);
                assert!(matches!(verdict, Verdict::Right { .. }), "{typed} {stored}");
                let other = format!("X{typed}");
                assert_eq!(
                    hashing.verify_typed(&other, Some((&stored, Imported::Yes)), None),
                    Verdict::Wrong
                );
            }
        }
        // An own hash is compared with the one form of a password only.
        let stored = foreign(nfd, PasswordHash::Bcrypt);
        assert_eq!(
            hashing.verify_typed(nfd, Some((&stored, Imported::No)), None),
            Verdict::Wrong
        );
        let stored = foreign(&long, PasswordHash::Bcrypt);
        assert_eq!(
            hashing.verify_typed(&long, Some((&stored, Imported::No)), None),
            Verdict::Wrong
        );
        // Who types the composed form of an NFC hash is right, imported or not.
        let stored = foreign(nfc, PasswordHash::Bcrypt);
        assert_eq!(hashing.verify_typed(nfd, Some((&stored, Imported::Yes)), None), right);
    }
}

#[test]
fn nobody_s_password_is_wrong_even_if_it_is_that_of_the_hash_whose_time_is_spent() {
    for hashing in [QUICK, Hashing::new(PasswordHash::Argon2id, 5)] {
        let other = hashing.hash(&password("Quiet-River-42"), [3; 16]).unwrap();
        for hashing in [QUICK, Hashing::new(PasswordHash::Argon2id, 5)] {
            let verdict = hashing.verify_or_spend(&password("Quiet-River-42"), None, Some(&other));
            assert_eq!(verdict, Verdict::Wrong);
        }
    }
}

#[test]
fn nobody_s_password_and_an_unreadable_hash_are_wrong() {
    assert_eq!(QUICK.verify(&password("x"), None), Verdict::Wrong);
    for stored in [
        "",
        "!",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ] {
        assert_eq!(StoredHash::parse(stored), Err(HashError::Unreadable), "{stored}");
        assert_eq!(QUICK.verify(&password("x"), Some(stored)), Verdict::Wrong);
    }
}
