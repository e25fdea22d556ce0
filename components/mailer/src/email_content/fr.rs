//! French.

use nexus_domain::mail::Template;

use super::en::without_empty;
use super::{DOCUMENTS_PAGE, EmailContent, Facts, Part, RESET_PAGE};

fn text(text: impl Into<String>) -> Part {
    Part::Text(text.into())
}

pub fn footer(f: &Facts<'_>) -> String {
    format!(
        "{} vous envoie ce message au sujet de votre compte. Si vous ne l’attendiez pas, vous pouvez l’ignorer.",
        f.brand()
    )
}

pub fn email_content(template: Template, f: &Facts<'_>) -> EmailContent {
    let hello = f.greeting("Bonjour", ",");
    let brand = f.brand();
    let (subject, heading, parts) = match template {
        Template::VerificationOtp => (
            format!("Votre code de vérification {brand}"),
            "Confirmez votre adresse e-mail",
            vec![
                hello,
                text("saisissez ce code pour confirmer que cette adresse est la vôtre :"),
                f.alone("otp"),
                text(format!(
                    "Il est valable {} minutes. Personne chez {brand} ne vous le demandera jamais.",
                    f.text("minutes")
                )),
            ],
        ),
        Template::AccountApproved => (
            format!("Bienvenue chez {brand} : votre compte est ouvert"),
            "Vos documents sont acceptés",
            vec![
                hello,
                text("votre compte est ouvert. Connectez-vous avec ce mot de passe temporaire :"),
                f.alone("temporaryPassword"),
                text(format!(
                    "Vous choisirez ensuite votre propre mot de passe. Le mot de passe temporaire est valable jusqu’au {}.",
                    f.instant("expiresAt")
                )),
                f.home("Se connecter"),
            ],
        ),
        Template::DocumentsRejected => (
            format!("{brand} n’a pas pu accepter vos documents"),
            "Merci d’envoyer de nouveau vos documents",
            vec![
                hello,
                text("nous avons examiné vos documents et n’avons pas pu les accepter. Le motif :"),
                f.quote("reason", "Les documents n’ont pas pu être vérifiés."),
                text("Vous pouvez en déposer de nouveaux par ce lien, sans vous connecter. Gardez ce lien pour vous."),
                f.button("Envoyer les documents", DOCUMENTS_PAGE),
            ],
        ),
        Template::DocumentsRequested => (
            format!("{brand} attend vos documents"),
            "Dernière étape : vos documents",
            vec![
                hello,
                text(
                    "pour ouvrir votre compte, nous devons voir vos documents. Déposez-les par ce lien, sans vous connecter. Gardez ce lien pour vous.",
                ),
                f.button("Envoyer les documents", DOCUMENTS_PAGE),
            ],
        ),
        Template::PasswordReset => (
            format!("Réinitialisez votre mot de passe {brand}"),
            "Choisissez un nouveau mot de passe",
            vec![
                hello,
                text(format!(
                    "quelqu’un, vous sans doute, a demandé à réinitialiser votre mot de passe. Ce lien le permet, une seule fois, pendant {} minutes :",
                    f.text("minutes")
                )),
                f.button("Choisir un mot de passe", RESET_PAGE),
                text("Si ce n’était pas vous, ne faites rien : votre mot de passe reste inchangé."),
            ],
        ),
        Template::AccountSuspended => (
            if f.is("banned") {
                format!("Votre compte {brand} est fermé")
            } else {
                format!("Votre compte {brand} est suspendu")
            },
            if f.is("banned") {
                "Votre compte est fermé"
            } else {
                "Votre compte est suspendu"
            },
            vec![
                hello,
                text("vous ne pouvez plus vous connecter. Le motif :"),
                Part::Quote(f.text("reason")),
                text("S’il s’agit d’une erreur, adressez-vous à votre résidence."),
            ],
        ),
        Template::EmailChanged => (
            format!("Votre adresse e-mail {brand} a changé"),
            "Votre adresse e-mail a changé",
            vec![
                hello,
                text("votre compte utilise désormais une autre adresse :"),
                f.fact("Nouvelle adresse", "newEmail"),
                text("Si ce n’était pas vous, adressez-vous tout de suite à votre résidence."),
            ],
        ),
        Template::MfaReset => (
            format!("Votre second facteur {brand} a été retiré"),
            "Votre second facteur a été retiré",
            vec![
                hello,
                text(
                    "un administrateur a retiré le second facteur de votre compte et toutes vos sessions sont terminées. Connectez-vous et configurez-en un nouveau.",
                ),
                text("Si vous ne l’avez pas demandé, adressez-vous tout de suite à votre résidence."),
            ],
        ),
        Template::RegistrationAttempted => (
            format!("Vous avez déjà un compte {brand}"),
            "Vous avez déjà un compte",
            vec![
                hello,
                text(
                    "quelqu’un, vous sans doute, a voulu s’inscrire avec cette adresse. Vous avez déjà un compte ; si vous avez oublié le mot de passe, vous pouvez le réinitialiser.",
                ),
                f.home("Se connecter"),
            ],
        ),
        Template::InvoiceIssued => (
            format!("Facture {} de {brand}", f.text("invoiceNumber")),
            "Vous avez une nouvelle facture",
            vec![
                hello,
                f.fact("Facture", "invoiceNumber"),
                f.fact("Montant", "amount"),
                f.fact("Échéance", "dueDate"),
                f.home("Voir la facture"),
            ],
        ),
        Template::PaymentReceipt => (
            format!("Reçu pour la facture {}", f.text("invoiceNumber")),
            "Merci pour votre paiement",
            vec![
                hello,
                f.fact("Facture", "invoiceNumber"),
                f.fact("Payé", "amount"),
                f.fact("Le", "paymentDate"),
                f.fact("Référence", "reference"),
                f.fact("Reste à payer", "balance"),
                f.home("Voir le reçu"),
            ],
        ),
        Template::PaymentReminder => (
            format!("La facture {} arrive à échéance", f.text("invoiceNumber")),
            "Une facture arrive à échéance",
            vec![
                hello,
                f.fact("Facture", "invoiceNumber"),
                f.fact("Montant", "amount"),
                f.fact("Échéance", "dueDate"),
                f.home("Voir la facture"),
            ],
        ),
        Template::PaymentOverdue => (
            format!("La facture {} est en retard", f.text("invoiceNumber")),
            "Une facture est en retard",
            vec![
                hello,
                f.fact("Facture", "invoiceNumber"),
                f.fact("Montant", "amount"),
                f.fact("Échéance passée", "dueDate"),
                text(
                    "Merci de la régler maintenant. Si vous l’avez déjà payée, merci : ce message et votre paiement se sont croisés.",
                ),
                f.home("Voir la facture"),
            ],
        ),
    };
    EmailContent {
        subject,
        heading: heading.to_owned(),
        parts: without_empty(parts),
    }
}
