//! A Redis server of one's own, on a free port and without persistence.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub struct RedisServer {
    port: u16,
    /// Where it speaks TLS, if it does.
    tls_port: Option<u16>,
    process: Option<Child>,
    folder: TempDir,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_on(None)
    }

    /// With a certificate of an authority that nobody knows but who is told of it ([`RedisServer::authority`]).
    pub fn start_tls() -> Self {
        Self::start_on(Some(free_port()))
    }

    fn start_on(tls_port: Option<u16>) -> Self {
        let mut server = Self {
            port: free_port(),
            tls_port,
            process: None,
            folder: tempfile::tempdir().expect("a folder"),
        };
        if tls_port.is_some() {
            server.certify();
        }
        server.run();
        server
    }

    pub fn url(&self) -> String {
        match self.tls_port {
            Some(port) => format!("rediss://127.0.0.1:{port}"),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// The certificate of the authority that vouches for it, as a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    fn certify(&self) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("a key");
        let known = authority.self_signed(&authority_key).expect("a certificate");
        let authority = Issuer::new(authority, authority_key);
        let server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
        let key = KeyPair::generate().expect("a key");
        let certificate = server.signed_by(&key, &authority).expect("a certificate");
        for (name, pem) in [
            ("authority.pem", known.pem()),
            ("redis.pem", certificate.pem()),
            ("redis.key", key.serialize_pem()),
        ] {
            std::fs::write(self.folder.path().join(name), pem).expect("it is written");
        }
    }

    /// Starts it again after [`RedisServer::kill`], on the same port.
    pub fn run(&mut self) {
        let program = ["redis-server", "valkey-server"]
            .into_iter()
            .find(|program| {
                let asked = Command::new(program).arg("--version").stdout(Stdio::null()).status();
                asked.is_ok_and(|status| status.success())
            })
            .expect("redis-server is not installed: install Debian's package of that name, or run `cargo xtask test`");
        let port = self.port.to_string();
        let process = Command::new(program)
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(self.tls_arguments())
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("it runs");
        self.process = Some(process);
        let patience = Instant::now() + Duration::from_secs(20);
        while !self.answers() {
            assert!(Instant::now() < patience, "redis-server doesn't answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn tls_arguments(&self) -> Vec<String> {
        let Some(port) = self.tls_port else { return Vec::new() };
        let arguments = format!(
            "--tls-port {port} --tls-cert-file redis.pem --tls-key-file redis.key --tls-ca-cert-file authority.pem \
             --tls-auth-clients no"
        );
        arguments.split_whitespace().map(str::to_owned).collect()
    }

    fn answers(&self) -> bool {
        let ping = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            std::io::Result::Ok(&answer == b"+PONG")
        };
        ping().unwrap_or(false)
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// It keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &process.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
