//! Arabic, written from right to left.

use nexus_domain::mail::Template;

use super::en::without_empty;
use super::{DOCUMENTS_PAGE, EmailContent, Facts, Part, RESET_PAGE, isolated};

fn text(text: impl Into<String>) -> Part {
    Part::Text(text.into())
}

pub fn footer(f: &Facts<'_>) -> String {
    format!(
        "أرسلت إليك {} هذه الرسالة بشأن حسابك. إن لم تكن تنتظرها فيمكنك تجاهلها.",
        f.brand()
    )
}

pub fn email_content(template: Template, f: &Facts<'_>) -> EmailContent {
    let hello = f.greeting("مرحبًا", "،");
    let brand = f.brand();
    let (subject, heading, parts) = match template {
        Template::VerificationOtp => (
            format!("رمز التحقق الخاص بك من {brand}"),
            "أكّد عنوان بريدك الإلكتروني",
            vec![
                hello,
                text("أدخل هذا الرمز لتأكيد أن هذا العنوان لك:"),
                f.alone("otp"),
                text(format!(
                    "الرمز صالح لمدة {} دقائق. لن يطلبه منك أحد من {brand} أبدًا.",
                    f.text("minutes")
                )),
            ],
        ),
        Template::AccountApproved => (
            format!("أهلًا بك في {brand}: حسابك مفتوح"),
            "تم قبول مستنداتك",
            vec![
                hello,
                text("حسابك مفتوح الآن. سجّل الدخول بكلمة المرور المؤقتة هذه:"),
                f.alone("temporaryPassword"),
                text(format!(
                    "سيُطلب منك اختيار كلمة مرور خاصة بك. كلمة المرور المؤقتة صالحة حتى {}.",
                    isolated(&f.instant("expiresAt"))
                )),
                f.home("تسجيل الدخول"),
            ],
        ),
        Template::DocumentsRejected => (
            format!("لم تتمكن {brand} من قبول مستنداتك"),
            "يرجى إرسال مستنداتك مرة أخرى",
            vec![
                hello,
                text("راجعنا مستنداتك ولم نتمكن من قبولها. السبب:"),
                f.quote("reason", "تعذّر التحقق من المستندات."),
                text("يمكنك تقديم مستندات جديدة عبر هذا الرابط دون تسجيل الدخول. لا تشارك الرابط مع أحد."),
                f.button("إرسال المستندات", DOCUMENTS_PAGE),
            ],
        ),
        Template::DocumentsRequested => (
            format!("تحتاج {brand} إلى مستنداتك"),
            "بقيت خطوة واحدة: مستنداتك",
            vec![
                hello,
                text(
                    "لفتح حسابك نحتاج إلى الاطلاع على مستنداتك. قدّمها عبر هذا الرابط دون تسجيل الدخول. لا تشارك الرابط مع أحد.",
                ),
                f.button("إرسال المستندات", DOCUMENTS_PAGE),
            ],
        ),
        Template::PasswordReset => (
            format!("إعادة تعيين كلمة مرورك في {brand}"),
            "اختر كلمة مرور جديدة",
            vec![
                hello,
                text(format!(
                    "طلب شخص ما، ونرجو أن يكون أنت، إعادة تعيين كلمة مرورك. هذا الرابط صالح مرة واحدة خلال {} دقيقة:",
                    f.text("minutes")
                )),
                f.button("اختيار كلمة مرور جديدة", RESET_PAGE),
                text("إن لم تكن أنت من طلب ذلك فلا تفعل شيئًا: ستبقى كلمة مرورك كما هي."),
            ],
        ),
        Template::AccountSuspended => (
            if f.is("banned") {
                format!("تم إغلاق حسابك في {brand}")
            } else {
                format!("تم إيقاف حسابك في {brand}")
            },
            if f.is("banned") {
                "تم إغلاق حسابك"
            } else {
                "تم إيقاف حسابك"
            },
            vec![
                hello,
                text("لم يعد بإمكانك تسجيل الدخول. السبب:"),
                Part::Quote(f.text("reason")),
                text("إن كنت ترى أن هذا خطأ فيرجى مراجعة مكتب السكن."),
            ],
        ),
        Template::EmailChanged => (
            format!("تم تغيير عنوان بريدك في {brand}"),
            "تم تغيير عنوان بريدك الإلكتروني",
            vec![
                hello,
                text("يستخدم حسابك الآن عنوانًا آخر:"),
                f.fact("العنوان الجديد", "newEmail"),
                text("إن لم تكن أنت من فعل ذلك فراجع مكتب السكن فورًا."),
            ],
        ),
        Template::MfaReset => (
            format!("أُزيل العامل الثاني لحسابك في {brand}"),
            "أُزيل العامل الثاني لحسابك",
            vec![
                hello,
                text("أزال أحد المسؤولين العامل الثاني لحسابك وانتهت جميع جلساتك. سجّل الدخول وأعدّ عاملًا جديدًا."),
                text("إن لم تطلب ذلك فراجع مكتب السكن فورًا."),
            ],
        ),
        Template::RegistrationAttempted => (
            format!("لديك حساب في {brand} بالفعل"),
            "لديك حساب بالفعل",
            vec![
                hello,
                text(
                    "حاول شخص ما، ونرجو أن يكون أنت، التسجيل بهذا العنوان. لديك حساب بالفعل؛ إن نسيت كلمة المرور فيمكنك إعادة تعيينها.",
                ),
                f.home("تسجيل الدخول"),
            ],
        ),
        Template::InvoiceIssued => (
            format!("فاتورة {} من {brand}", isolated(&f.text("invoiceNumber"))),
            "لديك فاتورة جديدة",
            vec![
                hello,
                f.fact("الفاتورة", "invoiceNumber"),
                f.fact("المبلغ", "amount"),
                f.fact("تاريخ الاستحقاق", "dueDate"),
                f.home("عرض الفاتورة"),
            ],
        ),
        Template::PaymentReceipt => (
            format!("إيصال الفاتورة {}", isolated(&f.text("invoiceNumber"))),
            "شكرًا على دفعتك",
            vec![
                hello,
                f.fact("الفاتورة", "invoiceNumber"),
                f.fact("المدفوع", "amount"),
                f.fact("التاريخ", "paymentDate"),
                f.fact("المرجع", "reference"),
                f.fact("المتبقي", "balance"),
                f.home("عرض الإيصال"),
            ],
        ),
        Template::PaymentReminder => (
            format!("اقترب موعد استحقاق الفاتورة {}", isolated(&f.text("invoiceNumber"))),
            "اقترب موعد استحقاق فاتورة",
            vec![
                hello,
                f.fact("الفاتورة", "invoiceNumber"),
                f.fact("المبلغ", "amount"),
                f.fact("تاريخ الاستحقاق", "dueDate"),
                f.home("عرض الفاتورة"),
            ],
        ),
        Template::PaymentOverdue => (
            format!("تأخر سداد الفاتورة {}", isolated(&f.text("invoiceNumber"))),
            "تأخر سداد فاتورة",
            vec![
                hello,
                f.fact("الفاتورة", "invoiceNumber"),
                f.fact("المبلغ", "amount"),
                f.fact("كان الاستحقاق", "dueDate"),
                text("يرجى سدادها الآن. إن كنت قد دفعت بالفعل فشكرًا لك، فقد تزامنت رسالتنا مع دفعتك."),
                f.home("عرض الفاتورة"),
            ],
        ),
    };
    EmailContent {
        subject,
        heading: heading.to_owned(),
        parts: without_empty(parts),
    }
}
