//! What bcrypt computes: Blowfish with an expensive key schedule (Provos and Mazières 1999, §4).
//!
//! The crates `bcrypt` and `blowfish` do the same, and the tests compare this with them. But there each block is handed over
//! through memory, from a function that compilers don't inline, and in WebAssembly the next block waits for it: a sixth
//! more time for every sign-in (decisions/0010).

mod pi;

use zeroize::Zeroize;

/// bcrypt has always thrown the last of its 24 bytes away.
pub const OUTPUT_BYTES: usize = 23;

/// bcrypt reads no further. The zero byte at a password's end counts, if there is room for it.
const KEY_BYTES: usize = 72;

/// What is encrypted in the end: "OrpheanBeholderScryDoubt".
const MAGIC: [[u32; 2]; 3] = [
    [0x4f72_7068, 0x6561_6e42],
    [0x6568_6f6c, 0x6465_7253],
    [0x6372_7944, 0x6f75_6274],
];

/// 18 words: as many as there are subkeys.
type Words = [u32; 18];

/// The hash of a password without its text form.
pub fn bcrypt(cost: u32, salt: [u8; 16], password: &[u8]) -> [u8; OUTPUT_BYTES] {
    let mut key_bytes = [password, &[0]].concat();
    key_bytes.truncate(KEY_BYTES);
    let (key, salt) = (cycled(&key_bytes), cycled(&salt));
    key_bytes.zeroize();

    let mut blowfish = Blowfish::new();
    blowfish.expand_salted(&key, [[salt[0], salt[1]], [salt[2], salt[3]]]);
    for _ in 0..1_u64 << cost {
        blowfish.expand(&key);
        blowfish.expand(&salt);
    }
    let mut output = [0; 24];
    for (block, bytes) in MAGIC.into_iter().zip(output.chunks_exact_mut(8)) {
        let [left, right] = (0..64).fold(block, |block, _| blowfish.encrypt(block));
        bytes[..4].copy_from_slice(&left.to_be_bytes());
        bytes[4..].copy_from_slice(&right.to_be_bytes());
    }
    std::array::from_fn(|at| output[at])
}

/// Words of these bytes, from their beginning again after their end.
fn cycled(bytes: &[u8]) -> Words {
    let mut bytes = bytes.iter().cycle();
    let mut byte = || bytes.next().copied().unwrap_or_default();
    std::array::from_fn(|_| u32::from_be_bytes([byte(), byte(), byte(), byte()]))
}

struct Blowfish {
    subkeys: Words,
    tables: [[u32; 256]; 4],
}

impl Drop for Blowfish {
    fn drop(&mut self) {
        self.subkeys.zeroize();
        self.tables.as_flattened_mut().zeroize();
    }
}

impl Blowfish {
    const fn new() -> Self {
        Self {
            subkeys: pi::SUBKEYS,
            tables: pi::TABLES,
        }
    }

    /// The first expansion, the only one with both key and salt.
    fn expand_salted(&mut self, key: &Words, salt: [[u32; 2]; 2]) {
        let mut turn = 0;
        self.expand_with(key, |[left, right]| {
            let [a, b] = salt[turn % 2];
            turn += 1;
            [left ^ a, right ^ b]
        });
    }

    /// Where the time goes: twice 2^cost times 521 blocks, each of which waits for the one before it.
    fn expand(&mut self, key: &Words) {
        self.expand_with(key, |block| block);
    }

    /// Replaces every word by what the words before it encrypt to.
    #[inline]
    fn expand_with(&mut self, key: &Words, mut salted: impl FnMut([u32; 2]) -> [u32; 2]) {
        for (subkey, word) in self.subkeys.iter_mut().zip(key) {
            *subkey ^= word;
        }
        let mut block = [0, 0];
        for at in 0..9 {
            block = self.encrypt(salted(block));
            self.subkeys[2 * at] = block[0];
            self.subkeys[2 * at + 1] = block[1];
        }
        for table in 0..4 {
            for at in 0..128 {
                block = self.encrypt(salted(block));
                self.tables[table][2 * at] = block[0];
                self.tables[table][2 * at + 1] = block[1];
            }
        }
    }

    // Not by a call: its two words would go through memory.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn encrypt(&self, [mut left, mut right]: [u32; 2]) -> [u32; 2] {
        for round in 0..8 {
            left ^= self.subkeys[2 * round];
            right ^= self.mangle(left) ^ self.subkeys[2 * round + 1];
            left ^= self.mangle(right);
        }
        [right ^ self.subkeys[17], left ^ self.subkeys[16]]
    }

    /// Blowfish's F. By shifts: `to_be_bytes` turns the whole word around first where no instruction does.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn mangle(&self, word: u32) -> u32 {
        let look_up = |table: usize, shift: u32| self.tables[table][(word >> shift & 0xff) as usize];
        (look_up(0, 24).wrapping_add(look_up(1, 16)) ^ look_up(2, 8)).wrapping_add(look_up(3, 0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The crate wants the zero byte at the end.
    fn by_the_crate(cost: u32, salt: [u8; 16], password: &[u8]) -> Vec<u8> {
        let mut key = [password, &[0]].concat();
        key.truncate(72);
        bcrypt::bcrypt(cost, salt, &key)[..OUTPUT_BYTES].to_vec()
    }

    #[test]
    fn short_and_long_passwords_hash_as_by_the_crate() {
        for length in [0, 1, 3, 4, 5, 17, 70, 71, 72] {
            let password: Vec<u8> = (0..length).map(|at| at * 7 + 1).collect();
            assert_eq!(
                bcrypt(4, [0x55; 16], &password).to_vec(),
                by_the_crate(4, [0x55; 16], &password),
                "{length}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_password_hashes_as_by_the_crate(
            password in prop::collection::vec(any::<u8>(), 0..=72),
            salt: [u8; 16],
            cost in 4..6_u32,
        ) {
            prop_assert_eq!(bcrypt(cost, salt, &password).to_vec(), by_the_crate(cost, salt, &password));
        }
    }
}
