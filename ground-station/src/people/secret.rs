//! Passwords (Argon2id, RFC 9106), one-time codes (RFC 6238), and codes for a first login.

use super::Denied;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm as Hash, Builder, Secret, Totp};

/// Shortest password, signs (ASVS 5.0, 6.2.1 asks for 8 and recommends 15).
pub const MIN_PASSWORD: usize = 12;
/// Longest password, signs (6.2.9 asks that at least 64 are taken).
pub const MAX_PASSWORD: usize = 128;
/// Memory of one hash, KiB; passes; lanes: OWASP's recommendation for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// A code lives this long, seconds.
const STEP_S: u64 = 30;
/// Steps that a clock may be off, each way.
const DRIFT: u16 = 1;
/// Bytes of a secret for one-time codes.
pub const TOTP_BYTES: usize = 20;

/// Words of this place and this work, which a guesser tries first (ASVS 5.0, 6.1.2 and 6.2.11).
pub const CONTEXT: [&str; 16] = [
    "patrol",
    "police",
    "county",
    "station",
    "ground",
    "console",
    "drone",
    "uav",
    "pilot",
    "officer",
    "supervisor",
    "evidence",
    "xunluo",
    "jingcha",
    "wurenji",
    "gongan",
];

/// Whether a password may be chosen by whoever has this name.
///
/// # Errors
/// Why not.
pub fn judge(password: &str, name: &str) -> Result<(), Denied> {
    let signs = password.chars().count();
    if signs < MIN_PASSWORD {
        return Err(Denied::PasswordShort);
    }
    if signs > MAX_PASSWORD {
        return Err(Denied::PasswordLong);
    }
    let small = password.to_lowercase();
    let distinct: std::collections::BTreeSet<char> = small.chars().collect();
    // Fewer than five different signs is a pattern, whatever its length. What a guesser with lists of common passwords,
    // names, words, rows of keys, dates and the words of this place would find first is judged by zxcvbn (Wheeler 2016),
    // which knows some 30,000 passwords; it asks for at least 10^8 guesses.
    let mut near: Vec<&str> = CONTEXT.to_vec();
    near.push(name);
    if distinct.len() < 5 || zxcvbn::zxcvbn(password, &near).score() < zxcvbn::Score::Three {
        return Err(Denied::PasswordCommon);
    }
    // One or two letters are in everything; two Chinese signs are a name.
    let telling = name.chars().count() >= if name.is_ascii() { 3 } else { 2 };
    if telling && small.contains(&name.to_lowercase()) {
        return Err(Denied::PasswordName);
    }
    Ok(())
}

fn argon() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash to keep, in the PHC format. Takes tens of milliseconds. `None`: the library refused its own figures.
#[must_use]
pub fn hash(password: &str, salt: &[u8; 16]) -> Option<String> {
    let made = argon()?.hash_password_with_salt(password.as_bytes(), salt);
    made.ok().map(|h| h.to_string())
}

/// Whether the password belongs to the hash. Takes tens of milliseconds, also for a hash that fits nothing.
#[must_use]
pub fn fits(phc: &str, password: &str) -> bool {
    password.len() <= 4 * MAX_PASSWORD
        && argon().is_some_and(|a| a.verify_password(password.as_bytes(), phc).is_ok())
}

/// A hash that no password fits, for names that nobody has: they take the same time.
pub const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new()
        .with_algorithm(Hash::SHA1)
        .with_digits(6)
        .with_skew(DRIFT)
        .with_step_duration(STEP_S)
        .with_secret(Secret::from(secret))
        .build()
        .ok()
}

/// The step whose code this is, if it is one of those around this time and later than `last`: no code is taken twice.
/// Blanks in it are passed over. `unix_s`: seconds since 1970 UTC.
#[must_use]
pub fn step_of(secret: &[u8], code: &str, unix_s: u64, last: Option<u64>) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    totp(secret)?
        .check(&code, unix_s)
        .filter(|step| last.is_none_or(|l| *step > l))
}

/// The code of this moment: for tests and for whoever holds the secret.
#[must_use]
pub fn code_at(secret: &[u8], unix_s: u64) -> Option<String> {
    totp(secret).map(|t| t.generate(unix_s).to_string())
}

/// A secret as telephones read it.
#[must_use]
pub fn base32(secret: &[u8]) -> String {
    Secret::from(secret).to_base32()
}

/// A secret back from its letters.
#[must_use]
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let secret = Secret::try_from_base32(text).ok()?;
    Some(secret.as_ref().to_vec())
}

/// The address that telephones take, after Google Authenticator's key URI format.
#[must_use]
pub fn otpauth(name: &str, secret: &[u8]) -> String {
    let mut safe = String::new();
    for b in name.bytes() {
        if b.is_ascii_alphanumeric() {
            safe.push(char::from(b));
        } else {
            safe.push_str(&format!("%{b:02X}"));
        }
    }
    format!(
        "otpauth://totp/Patrol:{safe}?secret={}&issuer=Patrol&algorithm=SHA1&digits=6&period={STEP_S}",
        base32(secret).trim_end_matches('=')
    )
}

/// An address as a square of dark and light, row by row; empty when it is too long.
#[must_use]
pub fn square(text: &str) -> Vec<String> {
    use qrcodegen::{QrCode, QrCodeEcc};
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else {
        return Vec::new();
    };
    (0..code.size())
        .map(|y| {
            (0..code.size())
                .map(|x| if code.get_module(x, y) { '1' } else { '0' })
                .collect()
        })
        .collect()
}

/// Letters of a code for a first login: none that is taken for another.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A code to be read out and typed: 20 letters, 100 bits.
#[must_use]
pub fn one_time(random: &[u8; 32]) -> String {
    let mut code = String::new();
    for (i, b) in random.iter().take(20).enumerate() {
        if i > 0 && i % 5 == 0 {
            code.push('-');
        }
        let letter = LETTERS.get(usize::from(*b) % LETTERS.len());
        code.push(char::from(letter.copied().unwrap_or(b'2')));
    }
    code
}

/// What is kept of a code. It has 100 bits of randomness: no slow hash is needed.
#[must_use]
pub fn digest_code(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    missions::plan::hex(&Sha256::digest(plain.as_bytes()))
}

/// Whether two secrets' digests are equal, in a time that does not depend on where they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    let (a, b) = (Sha256::digest(a.as_bytes()), Sha256::digest(b.as_bytes()));
    a.iter().zip(b.iter()).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1: eight digits there, the last six here.
        let secret = b"12345678901234567890";
        for (t, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(secret, t).as_deref(), Some(code));
            assert_eq!(step_of(secret, code, t, None), Some(t / 30));
        }
    }

    #[test]
    fn a_clock_may_drift_by_a_step_and_no_code_is_taken_twice() {
        let secret = [7; TOTP_BYTES];
        let now = 1_790_856_015u64;
        let code = |t| code_at(&secret, t).unwrap();
        for (t, taken) in [
            (-60i64, false),
            (-30, true),
            (0, true),
            (30, true),
            (60, false),
        ] {
            let at = now.checked_add_signed(t).unwrap();
            assert_eq!(
                step_of(&secret, &code(at), now, None).is_some(),
                taken,
                "{t} s"
            );
        }
        let step = step_of(&secret, &code(now), now, None).unwrap();
        assert_eq!(step_of(&secret, &code(now), now, Some(step)), None, "again");
        assert_eq!(
            step_of(&secret, &code(now - 30), now, Some(step)),
            None,
            "one before"
        );
        assert_eq!(
            step_of(&secret, &code(now + 30), now + 30, Some(step)),
            Some(step + 1)
        );
        let spaced = format!("{} {}", &code(now)[..3], &code(now)[3..]);
        assert!(step_of(&secret, &spaced, now, None).is_some());
        for bad in ["", "12345", "1234567", "abcdef", "-12345", "１２３４５６"] {
            assert_eq!(step_of(&secret, bad, now, None), None, "{bad}");
        }
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let phc = hash("correct horse battery", &[3; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(fits(&phc, "correct horse battery"));
        assert!(!fits(&phc, "correct horse batterz"));
        assert!(!fits(NOBODY, "") && !fits("", "x") && !fits("$argon2id$", "x"));
        assert_ne!(hash("correct horse battery", &[4; 16]).unwrap(), phc);
        // The hash that nobody's password fits is read like any other: it takes the same time.
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODY).is_ok());
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        for (password, name, why) in [
            ("short", "Li", Denied::PasswordShort),
            ("短密码短密码短密码", "Li", Denied::PasswordShort),
            ("Password1234", "Li", Denied::PasswordCommon),
            ("abababababababab", "Li", Denied::PasswordCommon),
            ("qwertyuiop123", "Li", Denied::PasswordCommon),
            ("1qaz2wsx3edc", "Li", Denied::PasswordCommon),
            ("iloveyou1234", "Li", Denied::PasswordCommon),
            ("20051001200510", "Li", Denied::PasswordCommon),
            ("patrolpolice1", "Li", Denied::PasswordCommon),
            ("Jingcha123456", "Li", Denied::PasswordCommon),
            ("the wangjianguo way", "WangJianguo", Denied::PasswordName),
        ] {
            assert_eq!(judge(password, name), Err(why), "{password}");
        }
        assert_eq!(judge(&"é1xyzw".repeat(22), "Li"), Err(Denied::PasswordLong));
        assert_eq!(judge("correct horse battery", "Li"), Ok(()));
        assert_eq!(judge("泗溪河边的灯光秀真好看呀", "王"), Ok(()));
    }

    #[test]
    fn a_first_code_is_read_out_in_any_case_and_spacing() {
        let mut random = [0; 32];
        for (b, i) in random.iter_mut().zip(0u8..) {
            *b = i * 7;
        }
        let code = one_time(&random);
        assert_eq!(code.len(), 23);
        let spoken = code.to_lowercase().replace('-', " ");
        assert_eq!(digest_code(&code), digest_code(&spoken));
        assert_ne!(digest_code(&code), digest_code(&one_time(&[1; 32])));
    }

    #[test]
    fn a_telephone_gets_an_address_and_a_square() {
        let uri = otpauth("王 Jian", &[0; TOTP_BYTES]);
        assert!(
            uri.starts_with("otpauth://totp/Patrol:%E7%8E%8B%20Jian?secret=AAAA"),
            "{uri}"
        );
        let square = square(&uri);
        assert!(square.len() >= 33 && square.iter().all(|r| r.len() == square.len()));
        // The finder's corner.
        assert!(square[0].starts_with("1111111"));
        assert_eq!(from_base32(&base32(&[9; 20])), Some(vec![9; 20]));
    }
}
