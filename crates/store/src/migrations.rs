//! The files of `migrations/`, in order, each with what is done before it by a function of `backfill.rs`.

use crate::backfill;
use crate::migrate::Migration;

macro_rules! migrations {
    ($($name:literal $(after $before:path)?),+ $(,)?) => {
        pub(crate) const MIGRATIONS: &[Migration] = &[
            $(Migration {
                name: $name,
                sql: include_str!(concat!("../../../migrations/", $name, ".sql")),
                before: migrations!(@before $($before)?),
            }),+
        ];
    };
    (@before) => { None };
    (@before $before:path) => { Some($before) };
}

migrations!(
    "0001_accounts",
    "0002_verification",
    "0003_mail",
    "0004_chat",
    "0005_identity",
    "0006_verification",
    "0010_property",
    "0011_ledger",
    "0012_maintenance",
    "0013_totals",
    "0014_imports",
    "0020_identity",
    "0030_mail_check",
    "0031_blob_deletions",
    "0050_photos",
    "0080_more_orders",
    "0081_ledger_rules",
    "0082_company_orders",
    "0083_ledger_gaps",
    "0084_people_orders",
    "0085_invoice_parties",
    "0086_chat_counts",
    "0087_decoys",
    "0088_filter_indexes",
    "0089_imported_passwords",
    "0090_email_keys" after backfill::rekey,
    "0091_folded_columns",
    "0092_folded" after backfill::fold_all,
    "0093_occupancy_invoices",
    "0094_readiness",
    "0095_admin_orders",
    "0096_audit_subjects",
);
