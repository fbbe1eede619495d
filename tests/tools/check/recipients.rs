//! Wrong lines among recipients, as people wrote them.

use super::assert_recognised;

macro_rules! lines {
    ($($name:ident: $line:expr => $kind:literal, $remedy:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_recognised("recipients", $line, $kind, $remedy);
        }
    )*};
}

// From the questions of E-F-A, MailWatch, MailGuardian, OpenAS and of mail in a
// box, and from tables of Postfix and others.
lines! {
    a_domain_behind_an_at: "@domain.com" => "at-domain", "domain.com";
    any_user_of_a_domain: "*@domain.tld" => "wildcard", "domain.tld";
    any_user_of_any_subdomain: "*@*.domainname.extention" => "wildcard", "domainname.extention";
    any_user_in_sql: "%@example.com" => "wildcard", "example.com";
    any_user_of_a_signing_table: "*@example.org mail._domainkey.example.org"
        => "blank", "example.org\nmail._domainkey.example.org";
    a_pattern_with_flags: "/^postmaster@/i" => "pattern-flags", "/^postmaster@/";
    a_pattern_with_flags_and_a_choice: "/^notifications?@/i" => "pattern-flags", "/^notifications?@/";
    a_postfix_table_of_patterns: r"/^postmaster@tadalist\.com$/ postmaster@37signals.com"
        => "blank", "/^postmaster@tadalist\\.com$/\npostmaster@37signals.com";
    addresses_with_commas: "%@example.com,exactemail@example.com.au"
        => "separator", "example.com\nexactemail@example.com.au";
    a_server_among_recipients: "212.227.17.20" => "client-address", "whitelist_clients";
}

// Each kind that the manual of postgrey 1 leaves to be found out.
lines! {
    a_user_of_any_domain_with_a_star: "user@*" => "wildcard", "user@";
    a_bare_user: "postmaster" => "bare-user", "postmaster@";
    everybody: "/.*/" => "everybody", "say what is meant";
    a_domain_with_a_leading_dot: ".example.com" => "leading-dot", "example.com";
    an_address_with_a_final_dot: "user@example.com." => "trailing-dot", "user@example.com";
    bounces_as_logs_have_them: "<>" => "bounces", "/^$/";
    bounces_in_quotes: "\"\"" => "bounces", "/^$/";
    an_address_in_brackets: "<user@example.com>" => "quoted", "user@example.com";
    a_link_to_an_address: "mailto:user@example.com" => "prefixed", "user@example.com";
    any_extension: "user+@example.com" => "extension", "user@example.com";
    a_star_inside_a_user: "news*@example.com" => "wildcard", r"/^news.*@example\.com$/";
    a_pattern_without_slashes: r"^.*@example\.com$"
        => "pattern-without-slashes", r"/^.*@example\.com$/";
    a_pattern_that_is_not_closed: r"/@example\.com$" => "unclosed-pattern", r"/@example\.com$/";
}
