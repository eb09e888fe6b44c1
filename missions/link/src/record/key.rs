//! The station's signing key: Ed25519 (RFC 8032). Randomness is an argument; where the key lies is the shell's matter.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::Digest;
use std::fmt;

/// A signature, bytes.
pub const SIGNATURE: usize = 64;
/// Digits of a fingerprint that are shown and compared: 128 bits.
const FINGERPRINT_DIGITS: usize = 32;

/// Signs. Its secret is never printed and wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public().fingerprint())
    }
}

impl Signer {
    /// The key that this secret (32 random bytes) is.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Signer {
        Signer(SigningKey::from_bytes(seed))
    }
    /// The secret, for storing it.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
    /// Signs bytes.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; SIGNATURE] {
        self.0.sign(bytes).to_bytes()
    }
    /// The other half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

/// Checks signatures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl PublicKey {
    /// From 64 hex digits; `None` when they are no key, or one of the weak ones that fit many signatures.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<PublicKey> {
        let bytes: [u8; 32] = from_hex(text)?.try_into().ok()?;
        VerifyingKey::from_bytes(&bytes)
            .ok()
            .filter(|k| !k.is_weak())
            .map(PublicKey)
    }
    /// 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        missions::plan::hex(self.0.as_bytes())
    }
    /// Whether these bytes were signed by this key. Strict: one message, one key, one signature.
    #[must_use]
    pub fn holds(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.0.verify_strict(bytes, &s).is_ok())
    }
    /// What people compare: the first 128 bits of the SHA-256 of the key, in groups of four digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = missions::plan::hex(&sha2::Sha256::digest(self.0.as_bytes()));
        let digits: Vec<char> = hash.chars().take(FINGERPRINT_DIGITS).collect();
        digits
            .chunks(4)
            .map(|c| c.iter().collect::<String>())
            .collect::<Vec<_>>()
            .join("-")
    }
    /// Whether somebody's text is this key's fingerprint: all of it; case, spaces, dashes and colons do not matter.
    #[must_use]
    pub fn is(&self, fingerprint: &str) -> bool {
        digits_of(fingerprint) == digits_of(&self.fingerprint())
    }
}

fn digits_of(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, ' ' | '-' | ':'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Bytes of lower- or upper-case hex; `None` when it is none.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len() / 2)
        .map(|i| {
            let pair = text.get(2 * i..2 * i + 2)?;
            // `from_str_radix` would take a sign.
            if !pair.bytes().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn it_is_ed25519_as_the_standard_has_it() {
        let seed = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let s = Signer::from_seed(&seed.unwrap().try_into().unwrap());
        assert_eq!(
            s.public().hex(),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        let signature = s.sign(&[0x72]);
        assert_eq!(
            missions::plan::hex(&signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(s.public().holds(&[0x72], &signature));
        assert!(!s.public().holds(&[0x73], &signature));
    }

    #[test]
    fn fingerprints_are_compared_whole_and_secrets_are_not_shown() {
        let k = Signer::from_seed(&[7; 32]);
        let f = k.public().fingerprint();
        assert!(k.public().is(&f));
        assert!(k.public().is(&f.replace('-', " ").to_uppercase()));
        assert!(!k.public().is(&f[..f.len() - 1]), "a part is not enough");
        assert!(!k.public().is(""));
        assert!(!format!("{k:?}").contains(&missions::plan::hex(&[7; 32])));
        assert_eq!(PublicKey::from_hex(&k.public().hex()), Some(k.public()));
        assert_eq!(from_hex("+1"), None);
        assert_eq!(PublicKey::from_hex(&"00".repeat(32)), None, "a weak key");
    }
}
