//! Refusals for a dependency that calls a part of the host that it did not inherit.

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType, Val};

use crate::manifest::Inherit;
use crate::state::GuestState;

const PREFIX: &str = "denied-";

/// The manifest keys and the interfaces, without version, that each grants.
const GRANTS: &[(&str, &[&str])] = &[
    (
        "allowed_outbound_hosts",
        &[
            "wasi:http/client",
            "wasi:http/outgoing-handler",
            "wasi:sockets/ip-name-lookup",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/udp-create-socket",
            // WASI 0.3: sockets are made by the interface that has their methods.
            "wasi:sockets/types",
        ],
    ),
    ("environment", &["wasi:cli/environment"]),
    ("files", &["wasi:filesystem/preopens"]),
    ("key_value_stores", &["spin:key-value/key-value"]),
    ("sqlite_databases", &["spin:sqlite/sqlite"]),
    ("variables", &["spin:variables/variables"]),
];

/// Whether `import` is denied to a dependency that inherits this much.
pub fn applies(import: &str, inherit: &Inherit) -> bool {
    let interface = import.split_once('@').map_or(import, |(name, _)| name);
    let Some((grant, _)) = GRANTS.iter().find(|(_, interfaces)| interfaces.contains(&interface)) else {
        return false;
    };
    match inherit {
        Inherit::All(all) => !all,
        Inherit::Some(grants) => !grants.iter().any(|g| g == grant),
    }
}

/// The name under which dependency number `index` imports a denied interface. Only plain names are free for this.
pub fn import_name(index: usize, import: &str) -> String {
    let interface = import.split_once('@').map_or(import, |(name, _)| name);
    let plain = interface.replace([':', '/'], "-");
    // Two versions of one interface may be imported.
    let version = import.rsplit_once('@').map_or(String::new(), |(_, version)| {
        let digits: String = version.chars().map(|c| if c == '.' { '-' } else { c }).collect();
        format!("-v{}", digits.replace('-', "-v"))
    });
    format!("{PREFIX}d{index}-{plain}{version}")
}

/// Defines the denied interfaces that `component` imports.
pub fn link(linker: &mut Linker<GuestState>, engine: &Engine, component: &Component) -> wasmtime::Result<()> {
    for (name, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            continue;
        };
        let Some(denied) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (export, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => {
                    instance.resource(export, resource(denied, export), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(func) => {
                    let answer = Refusal::of(denied, export);
                    if func.async_() {
                        instance.func_new_concurrent(export, move |_, _, params, results| {
                            let result = answer.give(params, results);
                            Box::pin(async move { result })
                        })?;
                    } else {
                        instance.func_new(export, move |_, _, params, results| answer.give(params, results))?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The type of a resource in a denied interface: the real type if another interface defines it, and an uninhabited one if the
/// denied interface does.
fn resource(denied: &str, name: &str) -> ResourceType {
    use wasmtime_wasi::p2::bindings as p2;
    use wasmtime_wasi_http::p2::bindings::http::types as http2;
    use wasmtime_wasi_http::p3::bindings::http::types as http3;
    if denied.contains("wasi-sockets-types") {
        return ResourceType::host::<Never>();
    }
    match name {
        "descriptor" => ResourceType::host::<p2::filesystem::types::Descriptor>(),
        "network" => ResourceType::host::<p2::sockets::network::Network>(),
        "tcp-socket" => ResourceType::host::<p2::sockets::tcp::TcpSocket>(),
        "udp-socket" => ResourceType::host::<p2::sockets::udp::UdpSocket>(),
        "pollable" => ResourceType::host::<p2::io::poll::Pollable>(),
        "outgoing-request" => ResourceType::host::<http2::OutgoingRequest>(),
        "request-options" => ResourceType::host::<http2::RequestOptions>(),
        "future-incoming-response" => ResourceType::host::<http2::FutureIncomingResponse>(),
        "request" => ResourceType::host::<http3::Request>(),
        "response" => ResourceType::host::<http3::Response>(),
        _ => ResourceType::host::<Never>(),
    }
}

/// A connection or store that cannot exist.
struct Never;

#[derive(Clone, Copy, Debug)]
enum Refusal {
    AccessDenied,
    Undefined,
    Http(&'static str),
    Sockets,
    SocketsVariant,
    EmptyList,
    Nothing,
    /// The function needs a resource that only a refused function returns.
    Unreachable,
}

impl Refusal {
    fn of(denied: &str, function: &str) -> Self {
        let is = |interface: &str| denied.contains(interface);
        match function {
            "[static]store.open" | "[static]connection.open" | "[static]connection.open-async" => Self::AccessDenied,
            "get" if is("spin-variables-variables") => Self::Undefined,
            "send" if is("wasi-http-client") => Self::Http("wasi:http/client"),
            "handle" if is("wasi-http-outgoing-handler") => Self::Http("wasi:http/outgoing-handler"),
            "get-environment" | "get-arguments" | "get-directories" => Self::EmptyList,
            "initial-cwd" | "get-initial-cwd" => Self::Nothing,
            "create-tcp-socket" | "create-udp-socket" | "resolve-addresses" => Self::Sockets,
            "[static]tcp-socket.create" | "[static]udp-socket.create" => Self::SocketsVariant,
            _ => Self::Unreachable,
        }
    }

    fn give(self, params: &[Val], results: &mut [Val]) -> wasmtime::Result<()> {
        let error = |case: &str, payload: Option<Val>| {
            let variant = Val::Variant(case.to_owned(), payload.map(Box::new));
            Val::Result(Err(Some(Box::new(variant))))
        };
        let answer = match self {
            Self::AccessDenied => error("access-denied", None),
            Self::Undefined => error("undefined", params.first().cloned()),
            Self::Http(interface) => {
                let text = Val::String(format!("{interface:?} is not permitted"));
                error("internal-error", Some(Val::Option(Some(Box::new(text)))))
            }
            Self::Sockets => Val::Result(Err(Some(Box::new(Val::Enum("access-denied".into()))))),
            Self::SocketsVariant => error("access-denied", None),
            Self::EmptyList => Val::List(Vec::new()),
            Self::Nothing => Val::Option(None),
            Self::Unreachable => {
                return Err(wasmtime::format_err!(
                    "a dependency used a resource that it was not granted"
                ));
            }
        };
        match results.first_mut() {
            Some(result) => {
                *result = answer;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
