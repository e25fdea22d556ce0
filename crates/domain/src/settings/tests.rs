use std::net::IpAddr;
use std::time::Duration;

use super::*;

fn from(pairs: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    move |name| {
        pairs
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| (*text).to_owned())
    }
}

const SECRETS: &[(&str, &str)] = &[
    ("JWT_ACCESS_SECRET", "Aq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Ys"),
    ("JWT_REFRESH_SECRET", "Bq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yt"),
    ("INTERNAL_SECRET", "Cq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yu"),
    ("MAIL_SEAL_KEY", "Dq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yv"),
];

#[test]
fn every_default_and_every_example_is_a_good_value() {
    for setting in ALL {
        if let Some(default) = setting.default() {
            assert_eq!(setting.check(default), Ok(()), "default of {}", setting.name());
        }
        assert_eq!(
            setting.check(setting.example()),
            Ok(()),
            "example of {}",
            setting.name()
        );
    }
}

#[test]
fn names_are_unique_and_only_secrets_lack_a_default() {
    let mut names: Vec<_> = ALL.iter().map(|setting| setting.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
    assert!(
        ALL.iter()
            .all(|setting| setting.default().is_some() || setting.secret())
    );
}

#[test]
fn with_the_secrets_alone_everything_has_its_default() {
    let settings = Settings::read(from(SECRETS)).expect("defaults are good");
    assert_eq!(settings.get(&JWT_ACCESS_EXPIRATION), Ok(Duration::from_secs(900)));
    assert_eq!(settings.get(&THROTTLE_TTL), Ok(Duration::from_secs(60)));
    assert_eq!(settings.get(&MESSAGE_RATE).map(|rate| rate.count), Ok(10));
    assert!(settings.weak_secrets().is_empty());
    assert_eq!(
        settings.variables().get("brand_name").map(String::as_str),
        Some("Nexus")
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_an_example() {
    let errors = Settings::read(from(&[("PORT", "eighty"), ("CACHE_TTL", "5")]))
        .err()
        .expect("two bad values and four missing secrets");
    let names: Vec<_> = errors.iter().map(|error| error.name).collect();
    assert_eq!(
        names,
        [
            "PORT",
            "JWT_ACCESS_SECRET",
            "JWT_REFRESH_SECRET",
            "INTERNAL_SECRET",
            "MAIL_SEAL_KEY",
            "CACHE_TTL"
        ]
    );
    assert_eq!(
        errors[0].to_string(),
        "PORT: `eighty` is not a whole number from 0 to 65535 (for example PORT=8080)"
    );
}

#[test]
fn an_older_spelling_is_read_when_the_name_is_not_set() {
    assert_eq!(
        NEXUS_ENV.read(from(&[("NODE_ENV", "production")])),
        Ok(Environment::Production)
    );
    assert_eq!(
        NEXUS_ENV.read(from(&[("NODE_ENV", "production"), ("NEXUS_ENV", "development")])),
        Ok(Environment::Development)
    );
}

#[test]
fn the_examples_secrets_and_equal_secrets_are_weak() {
    let settings = Settings::read(from(&[
        ("JWT_ACCESS_SECRET", "change-me-access-secret-of-32-bytes-or-more"),
        ("JWT_REFRESH_SECRET", "change-me-access-secret-of-32-bytes-or-more"),
        ("INTERNAL_SECRET", "short"),
        ("MAIL_SEAL_KEY", "Dq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yv"),
    ]))
    .expect("weak, but readable");
    let weak: Vec<_> = settings.weak_secrets().into_iter().map(|error| error.name).collect();
    assert_eq!(
        weak,
        [
            "JWT_ACCESS_SECRET",
            "JWT_REFRESH_SECRET",
            "INTERNAL_SECRET",
            "JWT_REFRESH_SECRET"
        ]
    );
}

/// What they signed is believed as long as they are given, so they must be as strong.
#[test]
fn previous_secrets_are_judged_like_the_present_ones() {
    const GOOD: &str = "Dq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yv";
    let weak = |name: &'static str, value: &'static str| -> Vec<&str> {
        let given = [
            ("JWT_ACCESS_SECRET", GOOD),
            ("JWT_REFRESH_SECRET", "Eq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yv"),
            ("INTERNAL_SECRET", GOOD),
            ("MAIL_SEAL_KEY", GOOD),
            (name, value),
        ];
        let settings = Settings::read(from(&given)).expect("readable");
        settings.weak_secrets().into_iter().map(|error| error.name).collect()
    };
    for name in [
        "JWT_ACCESS_SECRET_PREVIOUS",
        "JWT_REFRESH_SECRET_PREVIOUS",
        "INTERNAL_SECRET_PREVIOUS",
        "MAIL_SEAL_KEY_PREVIOUS",
    ] {
        assert_eq!(weak(name, "short"), [name]);
        assert_eq!(weak(name, GOOD), [""; 0]);
        let example = ALL.iter().find(|setting| setting.name() == name);
        let example = example.expect("in the registry").example();
        assert_eq!(weak(name, example), [name]);
    }
    assert_eq!(weak("METRICS_TOKEN", METRICS_TOKEN.example), ["METRICS_TOKEN"]);
    assert_eq!(weak("METRICS_TOKEN", "one-of-our-own"), [""; 0]);
}

#[test]
fn durations_need_a_unit_and_stay_in_range() {
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
    for bad in ["", "5", "m", "-5m", "5 weeks", "1.5h", "99999999999999999999d", "4000d"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn networks_take_addresses_and_mapped_addresses_match() {
    let networks = TRUSTED_PROXIES.parse("10.0.0.0/8, ::1,192.168.1.7").expect("good list");
    let contains = |text: &str| networks.contains(text.parse::<IpAddr>().expect("an address"));
    assert!(contains("10.200.3.4") && contains("::1") && contains("192.168.1.7"));
    assert!(contains("::ffff:10.0.0.1"));
    assert!(!contains("192.168.1.8"));
    assert!(TRUSTED_PROXIES.parse("10.0.0.0/40").is_err());
}

#[test]
fn origins_have_no_path_and_the_slash_at_the_end_goes() {
    let origins = FRONTEND_URL
        .parse("https://App.example.com/, http://localhost:5173")
        .expect("good list");
    let origins: Vec<_> = origins.iter().map(|origin| origin.as_str()).collect();
    assert_eq!(origins, ["https://app.example.com", "http://localhost:5173"]);
    for bad in [
        "app.example.com",
        "https://a/b",
        "ftp://a",
        "https://",
        "https://user:pw@a",
        ",",
    ] {
        assert!(FRONTEND_URL.parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_example_file_names_every_setting_once() {
    let text = env_example();
    for setting in ALL {
        let line = format!("{}=", setting.name());
        let count = text
            .lines()
            .filter(|text| text.trim_start_matches('#').starts_with(&line))
            .count();
        assert_eq!(count, 1, "{}", setting.name());
    }
}
