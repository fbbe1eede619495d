//! Wrong lines among clients, as people wrote them.

use super::assert_recognised;

/// One test for each line; its name says what the line is.
macro_rules! lines {
    ($($name:ident: $line:expr => $kind:literal, $remedy:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_recognised("clients", $line, $kind, $remedy);
        }
    )*};
}

// Asked, and proposed, in threads of schweikert/postgrey (issues 38, 45, 67, 91)
// and of docker-mailserver.
lines! {
    a_sender_among_clients: "kao@foobar.com" => "mail-address", "check_sender_access";
    a_pattern_with_a_repeated_anchor: "/^*.outbound.protection.outlook.com$/"
        => "pattern-for-domain", "outbound.protection.outlook.com";
    a_pattern_without_slashes: r"^*\.outbound\.protection\.outlook\.com$"
        => "pattern-without-slashes", "outbound.protection.outlook.com";
    a_wildcard_of_a_domain: "*.outbound.protection.outlook.com"
        => "wildcard", "outbound.protection.outlook.com";
    a_pattern_without_an_end: r"/^.*\.amazonses\.com/" => "pattern-for-domain", "amazonses.com";
    a_pattern_of_a_domain_with_a_dot: r"/\.outbound\.protection\.outlook\.com$/"
        => "pattern-for-domain", "outbound.protection.outlook.com";
    a_pattern_of_a_shorter_domain: r"/\.hotmail\.com$/" => "pattern-for-domain", "hotmail.com";
}

// From postgrey lists that people publish, and guides to them.
lines! {
    a_pattern_for_a_domain: r"/.*\.websitewelcome\.com$/"
        => "pattern-for-domain", "websitewelcome.com";
    a_pattern_for_a_hoster: r"/^.*\.kundenserver\.de$/" => "pattern-for-domain", "kundenserver.de";
    a_pattern_for_another_hoster: r"/^.*\.serverdomain\.org$/"
        => "pattern-for-domain", "serverdomain.org";
    a_star_that_repeats_a_hyphen: r"/^mail-*\.outbound\.protection\.outlook\.com$/"
        => "star-for-anything", r"/^mail-.*\.outbound\.protection\.outlook\.com$/";
    any_top_level_domain: r"/^gmx\..*$/" => "open-end", "end it with the whole domain";
    any_subdomain_and_top_level_domain: r"/^.*\.gmx\..*$/" => "open-end", "the whole domain";
    any_country_of_a_shop: r"/^amazon\..*$/" => "open-end", "the whole domain";
    any_country_of_a_provider: r"/^posteo\..*$/" => "open-end", "the whole domain";
    a_host_of_a_top_level_domain_alone: "nasa" => "top-level-domain", "write the whole name";
    a_remark_behind_a_network: "84.200.211.0/24 CIDR" => "blank", "84.200.211.0/24";
}

// From lists of other greylisting programs, copied into postgrey's: SQLgrey,
// policyd, smf-grey, milter-greylist, greylistd, qmail's, Exim's.
lines! {
    a_wildcard_from_a_list_of_sqlgrey: "*.southwest.com" => "wildcard", "southwest.com";
    a_wildcard_of_a_subdomain: "*.scd.yahoo.com" => "wildcard", "scd.yahoo.com";
    a_wildcard_of_greylistd: "*.debian.org" => "wildcard", "debian.org";
    a_wildcard_of_exims_host_list: "*.mail.ru" => "wildcard", "mail.ru";
    a_percent_sign_of_sql: "%.mweb.co.za" => "wildcard", "mweb.co.za";
    a_percent_sign_of_sql_and_a_subdomain: "%.mail.mud.yahoo.com" => "wildcard", "mail.mud.yahoo.com";
    percent_signs_in_an_address: "127.%.%.%" => "wildcard", "127.0.0.0/8";
    a_leading_dot_of_smf_grey: ".google.com" => "leading-dot", "google.com";
    another_leading_dot: ".mx.aol.com" => "leading-dot", "mx.aol.com";
    a_leading_dot_of_postfix: ".hotmail.com" => "leading-dot", "hotmail.com";
    an_exim_host_list: "127.0.0.1 : *.google.com : *.yahoo.com"
        => "blank", "127.0.0.1\ngoogle.com\nyahoo.com";
    an_exim_pattern: r"^..crm[hx]c..\.comcast\.net"
        => "pattern-without-slashes", r"/^..crm[hx]c..\.comcast\.net$/";
    an_exim_pattern_of_beginnings: "^(relay|mail|mx|smtp)"
        => "pattern-without-slashes", "/^(relay|mail|mx|smtp)/";
    a_pattern_of_harakas_lists: r".*generaldynamics\.com$"
        => "pattern-without-slashes", "generaldynamics.com";
    a_pattern_of_a_word: ".*dynamic.*" => "pattern-without-slashes", "/.*dynamic.*/";
    two_networks_in_a_line: "38.107.108.120/29 63.211.90.152/29"
        => "blank", "38.107.108.120/29\n63.211.90.152/29";
    four_networks_in_a_line: "64.74.98.0/24 70.42.142.0/24 208.111.169.0/24 208.111.172.0/24"
        => "blank", "64.74.98.0/24\n70.42.142.0/24\n208.111.169.0/24\n208.111.172.0/24";
    a_remark_of_slashes: "10.0.0 //I like this network" => "blank", "10.0.0 # I like this network";
    a_comment_of_slashes: "// IPv4 loopback range" => "foreign-comment", "# IPv4 loopback range";
    a_comment_of_hyphens: "-- always retry." => "foreign-comment", "# always retry.";
    a_quoted_address_with_a_comma: "\"192.0.2.128\"," => "separator", "192.0.2.128";
    a_quoted_network: "\"192.0.2.0/28\"" => "quoted", "192.0.2.0/28";
    a_keyword_of_smf_grey: "WhitelistPTR .google.com" => "blank", "google.com";
    networks_with_commas: "127.0.0.1,192.168.0.0/18,143.107.44.0/23"
        => "separator", "127.0.0.1\n192.168.0.0/18\n143.107.44.0/23";
}

// From tables of Postfix and of SpamAssassin, and the guides to them.
lines! {
    a_postfix_table_with_ok: "example2.tld OK" => "blank", "example2.tld";
    a_postfix_table_with_a_reply: "example.tld 554 Spam not tolerated here"
        => "blank", "example.tld";
    a_postscreen_table: "168.100.189.8 permit" => "blank", "168.100.189.8";
    one_number_from_a_postfix_table: "10" => "cut-address", "10.0.0.0/8";
    two_numbers_from_a_postfix_table: "172.16" => "two-numbers", "172.16.0.0/16";
    two_numbers_of_mailwatch: "10.1" => "two-numbers", "10.1.0.0/16";
    a_short_network_in_a_remark_of_postfix: "192.168.4/24" => "short-network", "192.168.4.0/24";
    a_short_network_of_spamassassin: "10.0.0/24" => "short-network", "10.0.0.0/24";
    two_numbers_and_a_length: "172.16/16" => "short-network", "172.16.0.0/16";
    one_number_and_a_length: "127/8" => "short-network", "127.0.0.0/8";
    a_cut_address_with_its_dot: "192.168." => "cut-address", "192.168.0.0/16";
    a_netmask_from_exims_guide: "10.0.0.0/255.0.0.0" => "netmask", "10.0.0.0/8";
    a_range_of_the_loopback: "127.0.0.1-127.255.255.255" => "range", "one a line";
    a_mapped_network_of_postfix: "[::ffff:127.0.0.0]/104" => "brackets", "127.0.0.0/8";
    an_ipv6_address_in_brackets: "[::1]/128" => "brackets", "::1/128";
    an_ipv6_network_in_brackets: "[2001:12d0:8068::]/48" => "brackets", "2001:12d0:8068::/48";
    a_word_of_sendmails_access_table: "Connect:example.com" => "prefixed", "example.com";
    a_word_of_an_spf_record: "ip4:35.190.247.0/24" => "prefixed", "35.190.247.0/24";
    an_include_of_an_spf_record: "include:_spf.google.com" => "prefixed", "_spf.google.com";
    a_domain_of_senders: "@friendlydomain.tld" => "mail-address", "friendlydomain.tld";
    any_sender_of_a_domain: "*@domain.com" => "mail-address", "domain.com";
}

// Each kind that the manual of postgrey 1 leaves to be found out.
lines! {
    a_network_that_is_too_long: "1.2.3.4/33" => "length-too-large", "1.2.3.4";
    a_network_of_one_number: "10/8" => "short-network", "10.0.0.0/8";
    a_network_of_two_numbers: "1.2/16" => "short-network", "1.2.0.0/16";
    a_name_with_a_final_dot: "example.com." => "trailing-dot", "example.com";
    an_ipv6_network_with_its_address_in_brackets: "[2001:db8::]/32" => "brackets", "2001:db8::/32";
    an_octal_address: "010.001.1.1" => "octal", "10.1.1.1";
    a_number_larger_than_255: "1.2.3.256" => "number-too-large", "look up the address";
    a_comment_inside_a_pattern: r"/^a#b\.test$/" => "comment-in-pattern", r"/^a\x23b\.test$/";
    a_pattern_that_is_not_closed: r"/^mail\.example\.com$"
        => "unclosed-pattern", r"/^mail\.example\.com$/";
    a_group_that_is_not_closed: r"/^(mail\.example\.com$/" => "refused", "mend the line";
    a_pattern_that_matches_everything: "/.*/" => "everybody", "say what is meant";
    a_pattern_with_an_empty_branch: "/foo|bar|/" => "everybody", "say what is meant";
    everybody: "0.0.0.0/0" => "everybody", "delete it";
    everybody_in_ipv6: "::/0" => "everybody", "delete it";
    a_construct_that_engines_read_differently: r"/^\Qa.b\E\.test$/" => "refused", "mend the line";
    a_pattern_with_flags: r"/^mx\d\.example\.com$/i" => "pattern-flags", r"/^mx\d\.example\.com$/";
    a_pattern_with_a_blank: "/^mx 1\\.example\\.com$/" => "blank", "/^mx\\s1\\.example\\.com$/";
    an_exception: "!mail.example.com" => "negation", "delete it";
    the_address_of_a_page: "https://www.example.com/mail" => "url", "example.com";
    an_address_with_a_port: "192.0.2.1:25" => "port", "192.0.2.1";
    a_range_of_addresses: "192.0.2.8-192.0.2.15" => "range", "192.0.2.8/29";
    an_address_with_a_star: "192.0.2.*" => "wildcard", "192.0.2.0/24";
    a_name_with_a_star_inside: "mail*.example.com" => "wildcard", r"/^mail.*\.example\.com$/";
    a_mapped_address: "::ffff:192.0.2.1" => "mapped-address", "192.0.2.1";
    an_address_with_an_interface: "fe80::1%eth0" => "zone", "fe80::1";
    bits_behind_the_prefix: "192.0.2.77/24" => "host-bits", "192.0.2.0/24 or 192.0.2.77";
    clients_without_a_name: "unknown" => "nameless-clients", "write the addresses";
    a_name_that_is_not_ascii: "ex\u{e4}mple.com" => "not-ascii", "xn--";
    everybody_in_a_word: "all" => "placeholder", "delete it";
    an_ipv6_address_with_a_group_too_many: "1:2:3:4:5:6:7:8:9" => "refused", "mend the line";
}
