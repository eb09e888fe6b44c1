//! The people of a station, as they are kept: one JSON file. Names, roles, the hash of a password, the secret of a
//! telephone, the digest of a code for a first login. Reading checks everything; a damaged file is refused whole.

use super::{Denied, Role, secret};
use missions::time::Utc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// First field of the file.
pub const FORMAT: &str = "patrol-people/1";
/// Most people.
pub const MAX_PEOPLE: usize = 256;
/// Longest name, signs.
const MAX_NAME: usize = 40;
/// A code for a first login is good for so long.
pub const CODE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// As shown and as typed at login.
    pub name: String,
    /// What this person may.
    pub roles: BTreeSet<Role>,
    /// Made then, microseconds since 1970 UTC.
    pub made_us: i64,
    /// Shut out.
    #[serde(default)]
    pub disabled: bool,
    /// Argon2id in the PHC format; `None` before the first login.
    #[serde(default)]
    pub password: Option<String>,
    /// The telephone's secret, base32; `None` before the first login.
    #[serde(default)]
    pub totp: Option<String>,
    /// The step of the code taken last: no code is taken twice, not even after a restart.
    #[serde(default)]
    pub totp_step: Option<u64>,
    /// For a first login.
    #[serde(default)]
    pub code: Option<Code>,
}

impl Person {
    /// Whether this person has a password and a telephone.
    #[must_use]
    pub fn enrolled(&self) -> bool {
        self.password.is_some() && self.totp.is_some()
    }

    /// The telephone's secret.
    #[must_use]
    pub fn totp_secret(&self) -> Option<Vec<u8>> {
        secret::from_base32(self.totp.as_deref()?)
    }
}

/// A code for a first login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// SHA-256, hex.
    pub digest: String,
    /// Good until then, microseconds since 1970 UTC.
    pub until_us: i64,
}

/// Everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    list: Vec<Person>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    people: Vec<Person>,
}

/// A name as people are told apart by: case and outer blanks do not matter.
fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The name as it is kept.
///
/// # Errors
/// When it is empty, too long, or has signs in it that cannot be seen.
pub fn name(typed: &str) -> Result<String, Denied> {
    let name = typed.trim();
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    let fine = !name.is_empty()
        && name.chars().count() <= MAX_NAME
        && !name
            .chars()
            .any(|c| unseen(c) || matches!(c, '/' | '\\' | '"' | '<' | '>'));
    if fine {
        Ok(name.to_owned())
    } else {
        Err(Denied::NameBad)
    }
}

impl People {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, in plain words.
    pub fn from_json(bytes: &[u8]) -> Result<People, String> {
        let file: File = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if file.format != FORMAT {
            return Err(format!("it is of the format {}, not {FORMAT}", file.format));
        }
        if file.people.len() > MAX_PEOPLE {
            return Err(format!("more than {MAX_PEOPLE} people"));
        }
        let mut names = BTreeSet::new();
        for p in &file.people {
            if name(&p.name).as_deref() != Ok(p.name.as_str()) {
                return Err(format!("{:?} is no name", p.name));
            }
            if !names.insert(plain(&p.name)) {
                return Err(format!("{} stands in it twice", p.name));
            }
            if p.totp.is_some() && p.totp_secret().is_none_or(|s| s.len() < secret::TOTP_BYTES) {
                return Err(format!("{}: the telephone's secret is damaged", p.name));
            }
            let argon = |h: &String| h.starts_with("$argon2id$");
            if !p.password.as_ref().is_none_or(argon) {
                return Err(format!("{}: the password's hash is damaged", p.name));
            }
        }
        Ok(People { list: file.people })
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let file = File {
            format: FORMAT.into(),
            people: self.list.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Everybody, in the order they were made.
    #[must_use]
    pub fn list(&self) -> &[Person] {
        &self.list
    }

    /// Whoever has this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Person> {
        let name = plain(name);
        self.list.iter().find(|p| plain(&p.name) == name)
    }

    /// Whoever has this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Person> {
        let name = plain(name);
        self.list.iter_mut().find(|p| plain(&p.name) == name)
    }

    /// A new person, who logs in first with `code`.
    ///
    /// # Errors
    /// When the name is no name or somebody's, no role is given, or the list is full.
    pub fn add(
        &mut self,
        typed: &str,
        roles: BTreeSet<Role>,
        code: &str,
        now: Utc,
    ) -> Result<&mut Person, Denied> {
        let name = name(typed)?;
        if self.get(&name).is_some() {
            return Err(Denied::NameTaken);
        }
        if roles.is_empty() {
            return Err(Denied::NoRoles);
        }
        if self.list.len() >= MAX_PEOPLE {
            return Err(Denied::TooMany);
        }
        self.list.push(Person {
            name,
            roles,
            made_us: now.0,
            disabled: false,
            password: None,
            totp: None,
            totp_step: None,
            code: Some(fresh(code, now)),
        });
        self.list.last_mut().ok_or(Denied::TooMany)
    }

    /// Whether somebody could make people without `but`.
    fn has_admin_but(&self, but: &str) -> bool {
        let but = plain(but);
        self.list.iter().any(|p| {
            plain(&p.name) != but && !p.disabled && p.enrolled() && p.roles.contains(&Role::Admin)
        })
    }

    /// Gives other roles.
    ///
    /// # Errors
    /// When nobody has the name, no role is given, or nobody could make people any more.
    pub fn set_roles(&mut self, name: &str, roles: BTreeSet<Role>) -> Result<(), Denied> {
        if roles.is_empty() {
            return Err(Denied::NoRoles);
        }
        let last = !self.has_admin_but(name);
        let p = self.get_mut(name).ok_or(Denied::Unknown)?;
        if last && p.roles.contains(&Role::Admin) && !roles.contains(&Role::Admin) {
            return Err(Denied::LastAdmin);
        }
        p.roles = roles;
        Ok(())
    }

    /// Shuts somebody out, or lets them in again. Nobody is ever deleted: the record names them.
    ///
    /// # Errors
    /// When nobody has the name, or nobody could make people any more.
    pub fn set_disabled(&mut self, name: &str, disabled: bool) -> Result<(), Denied> {
        let last = !self.has_admin_but(name);
        let p = self.get_mut(name).ok_or(Denied::Unknown)?;
        if disabled && last && p.roles.contains(&Role::Admin) {
            return Err(Denied::LastAdmin);
        }
        p.disabled = disabled;
        Ok(())
    }

    /// Forgets password and telephone; `code` is for the next first login.
    ///
    /// # Errors
    /// When nobody has the name.
    pub fn reset(&mut self, name: &str, code: &str, now: Utc) -> Result<(), Denied> {
        let p = self.get_mut(name).ok_or(Denied::Unknown)?;
        p.password = None;
        p.totp = None;
        p.totp_step = None;
        p.code = Some(fresh(code, now));
        Ok(())
    }

    /// Whether nobody can make people: this station was never set up, or its admins all lost their way in.
    #[must_use]
    pub fn is_first_run(&self) -> bool {
        !self.list.iter().any(|p| {
            p.roles.contains(&Role::Admin) && !p.disabled && (p.enrolled() || p.code.is_some())
        })
    }
}

fn fresh(code: &str, now: Utc) -> Code {
    Code {
        digest: secret::digest_code(code),
        until_us: now.after(CODE_LIFE).0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Utc = Utc(1_790_856_000_000_000);

    fn enrolled(people: &mut People, name: &str, roles: &[Role]) {
        let p = people
            .add(name, roles.iter().copied().collect(), "code", NOW)
            .unwrap();
        p.password = Some(secret::NOBODY.into());
        p.totp = Some(secret::base32(&[5; secret::TOTP_BYTES]));
        p.code = None;
    }

    #[test]
    fn what_is_written_reads_back_and_a_damaged_file_is_refused() {
        let mut people = People::default();
        assert!(people.is_first_run());
        enrolled(&mut people, "王建国", &[Role::Admin, Role::Pilot]);
        people
            .add("Chen Li", [Role::Viewer].into(), "ABCDE", NOW)
            .unwrap();
        let bytes = people.to_json();
        assert_eq!(People::from_json(&bytes), Ok(people.clone()));
        assert!(!people.is_first_run());
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("patrol-people/1", "patrol-people/9"),
            ("\"viewer\"", "\"emperor\""),
            ("\"Chen Li\"", "\"王建国\""),
            ("\"Chen Li\"", "\" \""),
            ("$argon2id$", "$md5$"),
            ("\"disabled\": false", "\"disabled\": false, \"root\": true"),
        ] {
            assert!(text.contains(from), "{from}");
            let bad = text.replacen(from, to, 1);
            assert!(People::from_json(bad.as_bytes()).is_err(), "{from} → {to}");
        }
        assert!(People::from_json(&text.as_bytes()[..text.len() / 2]).is_err());
    }

    #[test]
    fn names_are_one_persons_whatever_their_case() {
        let mut people = People::default();
        let roles: BTreeSet<Role> = [Role::Viewer].into();
        people.add(" Li ", roles.clone(), "c", NOW).unwrap();
        assert_eq!(people.get("LI").map(|p| p.name.as_str()), Some("Li"));
        let again = people.add("lI", roles.clone(), "c", NOW);
        assert_eq!(again.err(), Some(Denied::NameTaken));
        for bad in ["", "  ", "a\nb", "a\u{202E}b", "a/b", &"x".repeat(41)] {
            let e = people.add(bad, roles.clone(), "c", NOW).err();
            assert_eq!(e, Some(Denied::NameBad), "{bad:?}");
        }
        let e = people.add("Zhou", BTreeSet::new(), "c", NOW).err();
        assert_eq!(e, Some(Denied::NoRoles));
    }

    #[test]
    fn the_last_admin_stays() {
        let mut people = People::default();
        enrolled(&mut people, "A", &[Role::Admin]);
        assert_eq!(people.set_disabled("a", true), Err(Denied::LastAdmin));
        let pilot: BTreeSet<Role> = [Role::Pilot].into();
        assert_eq!(people.set_roles("A", pilot.clone()), Err(Denied::LastAdmin));
        // One who never logged in does not count.
        people.add("B", [Role::Admin].into(), "c", NOW).unwrap();
        assert_eq!(people.set_roles("A", pilot.clone()), Err(Denied::LastAdmin));
        enrolled(&mut people, "C", &[Role::Admin]);
        assert_eq!(people.set_roles("A", pilot), Ok(()));
        assert_eq!(people.set_disabled("C", true), Err(Denied::LastAdmin));
        assert_eq!(people.set_disabled("nobody", true), Err(Denied::Unknown));
    }
}
