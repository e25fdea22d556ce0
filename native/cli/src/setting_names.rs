//! Names that resemble settings: a misspelt limit has no effect.

use nexus_domain::settings::ALL;

const SPIN_PREFIX: &str = "SPIN_VARIABLE_";

/// The problem with a name in the env file, which should hold settings only.
pub fn problem_in_file(name: &str) -> Option<String> {
    if is_setting(name) {
        return None;
    }
    if let Some(own) = name.strip_prefix(SPIN_PREFIX).filter(|own| is_setting(own)) {
        return Some(format!("{name} is for `spin up`; `nexus` reads {own}"));
    }
    Some(match nearest(name) {
        Some(near) => format!("{name} is no setting; did you mean {near}?"),
        None => format!("{name} is no setting, so it does nothing (`nexus config --example` names them all)"),
    })
}

/// The problem with a name in the environment. Most names there are other programs', so only one close to a setting has a
/// problem.
pub fn problem_in_environment(name: &str) -> Option<String> {
    if is_setting(name) {
        return None;
    }
    let near = nearest(name)?;
    Some(format!(
        "{name} (in the environment) is no setting; did you mean {near}?"
    ))
}

fn is_setting(name: &str) -> bool {
    ALL.iter().any(|setting| setting.names().contains(&name))
}

/// The setting with the most similar name, if the difference may be a typing error.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let allowed = match name.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    ALL.iter()
        .flat_map(|setting| setting.names())
        .map(|known| (strsim::damerau_levenshtein(&name, known), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_reported_in_the_file_and_the_environment() {
        for (name, meant) in [
            ("THROTTLE_LIMT", "THROTTLE_LIMIT"),
            ("THROTLE_LIMIT", "THROTTLE_LIMIT"),
            ("LOGLEVEL", "LOG_LEVEL"),
            ("FRONTEND_URLS", "FRONTEND_URL"),
            ("PROT", "PORT"),
            ("throttle_limit", "THROTTLE_LIMIT"),
        ] {
            for problem in [problem_in_file(name), problem_in_environment(name)] {
                let problem = problem.unwrap_or_default();
                assert!(
                    problem.ends_with(&format!("did you mean {meant}?")),
                    "{name}: {problem}"
                );
            }
        }
    }

    #[test]
    fn other_names_are_reported_in_the_file_only() {
        for name in [
            "PATH",
            "HOME",
            "PWD",
            "HOSTNAME",
            "LOGNAME",
            "LANG",
            "TERM",
            "DATABASE_URL",
            "NEXUS_SLICE_URL",
        ] {
            assert_eq!(problem_in_environment(name), None, "{name}");
            assert!(problem_in_file(name).is_some_and(|problem| problem.contains("is no setting")));
        }
        for name in ["PORT", "NODE_ENV", "JWT_SECRET"] {
            assert_eq!(problem_in_file(name), None, "{name}");
        }
    }

    #[test]
    fn a_spin_variable_in_the_file_is_reported_with_its_name_here() {
        let problem = problem_in_file("SPIN_VARIABLE_FRONTEND_URL").unwrap();
        assert_eq!(
            problem,
            "SPIN_VARIABLE_FRONTEND_URL is for `spin up`; `nexus` reads FRONTEND_URL"
        );
    }
}
