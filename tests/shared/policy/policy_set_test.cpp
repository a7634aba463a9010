#include "smtpseal/policy/policy_set.hpp"

#include <boost/test/unit_test.hpp>

#include "../tls/make_certificate.hpp"
#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using test::contains;
using test::engine;
using test::policy_set;
using Kind = Decision::Kind;

constexpr auto kNtOnly = "{NT}a4f49c406510bdcab6824ee7c30fd852";

// The three tables in a directory of their own; a table left empty is not written.
struct Tables {
  std::string domains;
  std::string credentials;
  std::string accounts;
};

class Files {
 public:
  explicit Files(const Tables& tables) {
    if (!tables.domains.empty()) directory.write("domains", tables.domains, 0644);
    if (!tables.credentials.empty()) directory.write("credentials", tables.credentials);
    if (!tables.accounts.empty()) directory.write("accounts", tables.accounts);
  }
  [[nodiscard]] PolicyLoad load() const { return load_policy(engine(), files); }

  test::TemporaryDirectory directory;
  PolicyFiles files{directory.path("domains"), directory.path("credentials"), directory.path("accounts")};
};

std::string messages(const PolicyLoad& load) {
  std::string text;
  for (const auto& problem : load.problems) text += problem.message() + "\n";
  return text;
}

BOOST_AUTO_TEST_SUITE(policy_policy_set)

BOOST_AUTO_TEST_CASE(a_good_set_is_loaded_with_a_growing_generation) {
  const Files files(
      {"a.example seal account=x\nb.example none\n", "X pass word\n", "P secret domains=a.example\n"});
  const auto first = files.load();
  BOOST_REQUIRE_MESSAGE(first.set, messages(first));
  BOOST_TEST(first.warnings.empty());
  BOOST_TEST(first.set->domains.rules().size() == 2U);
  BOOST_TEST(first.set->credentials.find("x") != nullptr);
  BOOST_TEST(first.set->accounts.find("p") != nullptr);
  BOOST_TEST(files.load().set->generation > first.set->generation);
}

BOOST_AUTO_TEST_CASE(authorities_are_loaded_once_for_each_file_and_bad_ones_refused) {
  const auto pem = testing::pem_of(*testing::make_certificate(testing::ec_key().get(), EVP_sha256(), ""));
  Files files({"", "x y\n", ""});
  const auto load = [&files](const std::string& path) {
    files.directory.write(
        "domains",
        "a.example tls ca_file=" + path + "\nb.example auth account=x tls=verify ca_file=" + path + "\n",
        0644);
    return files.load();
  };
  const auto good = load(files.directory.write("ca.pem", pem, 0644));
  BOOST_REQUIRE_MESSAGE(good.set, messages(good));
  BOOST_TEST(good.set->authorities.size() == 1U);
  BOOST_TEST(good.set->authorities.begin()->second != nullptr);

  const auto missing = load(files.directory.path("none.pem"));
  BOOST_TEST(!missing.set);
  BOOST_TEST(contains(messages(missing), "domains:1: ca_file="), messages(missing));
  const auto malformed = load(files.directory.write("bad.pem", pem.substr(0, pem.size() / 2), 0644));
  BOOST_TEST(contains(messages(malformed), "certificate 1 in it is malformed"), messages(malformed));
  const auto writable = load(files.directory.write("open.pem", pem, 0666));
  BOOST_TEST(!writable.set, "who may write the authorities may be any partner");
  // Programs that connect to nobody need no authorities.
  files.files.credentials.clear();
  BOOST_TEST(load(files.directory.path("none.pem")).set != nullptr);
}

BOOST_AUTO_TEST_CASE(names_to_verify_that_come_from_dns_are_warned_about) {
  const auto warned = [](const std::string& attributes) {
    const Files files({"a.example tls " + attributes + "\n", "", ""});
    const auto load = files.load();
    BOOST_REQUIRE_MESSAGE(load.set, messages(load));
    return !load.warnings.empty() && contains(load.warnings.front(), "from DNS (MX)");
  };
  BOOST_TEST(warned(""));
  BOOST_TEST(warned("nexthop=mail.a.example:25"));
  BOOST_TEST(!warned("nexthop=[mail.a.example]:25"));
  BOOST_TEST(!warned("tls_name=mail.a.example"));
  BOOST_TEST(!warned("fingerprint=" + std::string(64, 'a')));
}

BOOST_AUTO_TEST_CASE(a_decision_says_what_tls_is_asked_for) {
  const auto set = policy_set(
      "a.example tls tls_name=mx.a.example\nb.example none tls=only\nc.example auth account=x tls=encrypt "
      "tls_min=1.0\n"
      "d.example seal account=x tls=verify fingerprint=" +
      std::string(64, 'a') + "\n");
  const auto reason = [&set](const std::string& domain) {
    const auto decision = decide(set, "u@" + domain);
    BOOST_TEST((decision.kind == Kind::secure), domain);
    return decision.reason;
  };
  BOOST_TEST(contains(reason("a.example"),
                      "to be sent in TLS 1.2 or later with a valid certificate of mx.a.example"));
  BOOST_TEST(contains(reason("b.example"), "to be sent in TLS 1.2 or later with a valid certificate ("));
  BOOST_TEST(contains(reason("c.example"), "authenticated as x, in TLS 1.0 or later with any certificate"));
  BOOST_TEST(contains(reason("d.example"),
                      "128 bit as x, in TLS 1.2 or later with a certificate of a known fingerprint"));
}

struct Refusal {
  Tables tables;
  std::string wanted;
};

BOOST_AUTO_TEST_CASE(a_set_with_any_problem_is_not_given_out) {
  const std::string seal = "a.example seal account=x";
  const Refusal cases[] = {
      {{"", "x y\n", "x y\n"}, "domains: cannot be opened"},
      {{"a.example\n", "", ""}, "domains:1: the level"},
      {{seal, "", ""}, "domains:1: account=\"x\" has no line in"},
      {{seal, "y y\n", ""}, "smtpseal credential set 'x'"},
      {{"a.example auth account=x", "y y\n", ""}, "domains:1: account=\"x\" has no line in"},
      {{seal, "x\n", ""}, "credentials:1: the secret"},
      {{"a.example auth account=x tls=verify mechanisms=NTLM,LOGIN", std::string("x ") + kNtOnly + "\n", ""},
       "smtpseal credential set --clear 'x'"},
      {{seal, "x y\n", "bad\n"}, "accounts:1: the secret"},
      {{seal + " inbound=require inbound_account=p", "x y\n", ""}, "inbound_account=\"p\" has no line in"},
      {{seal + " inbound=require inbound_account=p", "x y\n", "q z\n"}, "smtpseal account add 'p'"},
      {{seal + " inbound=require", "x y\n", "q z\n"}, "no account is bound to a.example"},
      {{seal + " inbound=require", "x y\n", "q z domains=b.example\n"}, "no account is bound to a.example"},
      {{seal + " profile=exchange-5.5 strength=40", std::string("x ") + kNtOnly, ""},
       "needs the LM hash of account=\"x\""},
      {{seal + " profile=exchange-5.0 strength=56", "x more than fourteen\n", ""}, "needs the LM hash"},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.tables.domains << " / " << c.wanted) {
      const Files files(c.tables);
      const auto load = files.load();
      BOOST_TEST(!load.set);
      BOOST_TEST(contains(messages(load), c.wanted), messages(load));
    }
  }
}

BOOST_AUTO_TEST_CASE(problems_of_all_files_are_told_at_once) {
  const Files files({"a.example\n", "x\n", "y\n"});
  BOOST_TEST(files.load().problems.size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_no_rule_needs_may_be_missing) {
  BOOST_TEST(bool(Files({"a.example none\n", "", ""}).load().set));
  BOOST_TEST(bool(Files({"a.example seal account=x\n", "x y\n", ""}).load().set));
  BOOST_TEST(bool(Files({"# nothing yet\n", "", ""}).load().set));
}

BOOST_AUTO_TEST_CASE(lm_hash_is_needed_only_where_lm_key_is) {
  const std::string credential = std::string("x ") + kNtOnly;
  for (const std::string line : {"seal account=x profile=exchange-5.5", "auth account=x profile=exchange-5.5",
                                 "seal account=x strength=40"}) {
    const auto load = Files({"a.example " + line, credential, ""}).load();
    BOOST_TEST(bool(load.set), messages(load));
  }
  BOOST_TEST(
      bool(Files({"a.example seal account=x profile=exchange-5.5 strength=40", "x short", ""}).load().set));
}

BOOST_AUTO_TEST_CASE(any_account_bound_to_the_domain_satisfies_inbound_require) {
  for (const std::string bound : {"a.example", ".example", "*", "b.example,a.example"}) {
    const auto load =
        Files({"a.example seal account=x inbound=require", "x y", "p z domains=" + bound}).load();
    BOOST_TEST(bool(load.set), messages(load));
  }
  BOOST_TEST(
      bool(Files({".a.example seal account=x inbound=require", "x y", "p z domains=.a.example"}).load().set));
}

BOOST_AUTO_TEST_CASE(files_not_asked_for_are_neither_read_nor_missed) {
  Files files({"a.example seal account=x inbound=require inbound_account=p\n", "", ""});
  files.directory.write("credentials", "malformed\n", 0666);
  files.files.credentials.clear();
  files.files.accounts.clear();
  const auto load = files.load();
  BOOST_REQUIRE_MESSAGE(load.set, messages(load));
  BOOST_TEST(load.set->credentials.entries().empty());
}

BOOST_AUTO_TEST_CASE(files_others_can_reach_are_refused_without_noise_about_what_is_in_them) {
  const Files files({"a.example seal account=x\n", "", ""});
  files.directory.write("credentials", "x y\n", 0644);
  const auto load = files.load();
  BOOST_TEST(!load.set);
  BOOST_REQUIRE_EQUAL(load.problems.size(), 1U);
  BOOST_TEST(load.problems[0].origin.text() == files.files.credentials);
  BOOST_TEST(contains(load.problems[0].text, "chmod 0640"));
  files.directory.write("credentials", "x y\n", 0640);
  files.directory.write("domains", "a.example seal account=x\n", 0666);
  BOOST_TEST(!files.load().set);
}

BOOST_AUTO_TEST_CASE(what_is_weak_is_warned_about_by_line) {
  const Files files(
      {"a.example seal account=x profile=exchange-5.5 strength=40\nb.example auth account=x\n"
       "c.example seal account=x mode=report\nd.example seal account=x inbound=require inbound_account=q\n",
       "x short\n",
       "p " + std::string(kNtOnly) + " profile=exchange-5.5 strength=56 relay=yes\nq z domains=e.example\n"});
  const auto load = files.load();
  BOOST_REQUIRE_MESSAGE(load.set, messages(load));
  const std::string wanted[] = {
      "domains:1: a.example is weak: NTLMv1 and LM_KEY (profile=exchange-5.5), 40 bit (strength=40)",
      "domains:2: b.example is only authenticated",
      "domains:3: c.example has mode=report",
      "domains:4: inbound_account=\"q\" is bound to other domains",
      "accounts:1: p is weak: NTLMv1 (profile=exchange-5.5), 56 bit (strength=56)",
      "accounts:1: p has no LM hash",
      "accounts:1: p may relay to any destination",
  };
  BOOST_REQUIRE_EQUAL(load.warnings.size(), std::size(wanted));
  for (std::size_t i = 0; i < std::size(wanted); ++i) {
    BOOST_TEST(contains(load.warnings[i], wanted[i]), load.warnings[i] << " / wanted " << wanted[i]);
  }
}

BOOST_AUTO_TEST_CASE(no_secret_is_in_problems_or_warnings) {
  const Files files({"a.example seal account=x profile=exchange-5.5 strength=40\n",
                     "x geheim-and-far-too-long\ny\n", "p geheim geheim\nq {NT}geheim\n"});
  const auto load = files.load();
  BOOST_TEST(load.problems.size() == 4U, messages(load));
  BOOST_TEST(!contains(messages(load), "geheim"));
}

BOOST_AUTO_TEST_CASE(the_shipped_examples_work_as_copied) {
  const test::TemporaryDirectory directory;
  const std::filesystem::path shipped = std::filesystem::path(SMTPSEAL_TEST_DATA) / "../conf-examples/tables";
  for (const std::string name : {"domains", "credentials", "accounts"}) {
    std::ifstream file(shipped / name, std::ios::binary);
    BOOST_REQUIRE(file.good());
    directory.write(name, std::string(std::istreambuf_iterator<char>(file), {}));
  }
  const auto load = load_policy(
      engine(), {directory.path("domains"), directory.path("credentials"), directory.path("accounts")});
  BOOST_REQUIRE_MESSAGE(load.set, messages(load));
  BOOST_TEST(load.set->domains.rules().size() == 9U);
  BOOST_TEST(load.warnings.size() == 3U);
}

struct DecisionCase {
  std::string address;
  Kind kind;
  std::string pattern;  // of the rule; empty: none
};

void check(const PolicySet& set, const DecisionCase& c) {
  BOOST_TEST_CONTEXT(c.address) {
    const auto decision = decide(set, c.address);
    BOOST_TEST((decision.kind == c.kind), decision.reason);
    BOOST_TEST((decision.rule == nullptr ? "" : decision.rule->pattern) == c.pattern);
    BOOST_TEST(!decision.reason.empty());
    if (decision.rule != nullptr) BOOST_TEST(contains(decision.reason, decision.rule->origin.text()));
  }
}

BOOST_AUTO_TEST_CASE(every_form_of_address_is_decided) {
  const auto set = policy_set(
      "partner.example seal account=a\n.partner.example seal account=a\n.internal.partner.example none\n"
      "other.example auth account=b\ndöm.example seal account=c\n[192.0.2.1] seal account=d\nexempt.example "
      "none\n"
      "intranet seal account=e\n");
  const DecisionCase cases[] = {
      {"user@partner.example", Kind::secure, "partner.example"},
      {"USER@PARTNER.EXAMPLE.", Kind::secure, "partner.example"},
      {"user@ｐartner。example", Kind::secure, "partner.example"},
      {"user@x.partner.example", Kind::secure, ".partner.example"},
      {"user@DÖM.example", Kind::secure, "xn--dm-fka.example"},
      {"user@XN--DM-FKA.example", Kind::secure, "xn--dm-fka.example"},
      {"user@[192.0.2.1]", Kind::secure, "[192.0.2.1]"},
      {"user@x.internal.partner.example", Kind::not_listed, ".internal.partner.example"},
      {"user@exempt.example", Kind::not_listed, "exempt.example"},
      {"user@else.example", Kind::not_listed, ""},
      {"user@partner.example.test", Kind::not_listed, ""},
      {"*", Kind::not_listed, ""},
      {"", Kind::not_listed, ""},
      {"postmaster", Kind::not_listed, ""},
      {"user%partner.example@else.example", Kind::refuse_form, "partner.example"},
      {"user%x.partner.example@exempt.example", Kind::refuse_form, ".partner.example"},
      {"partner.example!user@else.example", Kind::refuse_form, "partner.example"},
      {"\"user@partner.example\"@else.example", Kind::refuse_form, "partner.example"},
      {"@partner.example:user@else.example", Kind::refuse_form, "partner.example"},
      {"user@partner.example@else.example", Kind::refuse_form, "partner.example"},
      {"user%döm.example@else.example", Kind::refuse_form, "xn--dm-fka.example"},
      {"user%partner.example", Kind::refuse_form, "partner.example"},
      {"user%intranet@else.example", Kind::refuse_form, "intranet"},
      {"user%other.example@partner.example", Kind::refuse_form, "other.example"},
      {"user%partner.example@partner.example", Kind::secure, "partner.example"},
      {"user%else.example@partner.example", Kind::secure, "partner.example"},
      {"user%x.internal.partner.example@else.example", Kind::not_listed, ""},
      {"user%x@else.example", Kind::not_listed, ""},
      {"a!b@else.example", Kind::not_listed, ""},
      {"bounce-user=partner.example@else.example", Kind::not_listed, ""},
      {"user@", Kind::refuse_form, ""},
      {"user@☃.example", Kind::refuse_form, ""},
      {"user@[partner.example]", Kind::refuse_form, ""},
      {"\"user@else.example", Kind::refuse_form, ""},
  };
  for (const auto& c : cases) check(set, c);
}

BOOST_AUTO_TEST_CASE(a_rule_for_all_domains_leaves_verp_alone) {
  const auto set = policy_set("* seal account=a\npartner.example seal account=b\nexempt.example none\n");
  const DecisionCase cases[] = {
      {"user@any.example", Kind::secure, "*"},
      {"user%any.example@any.example", Kind::secure, "*"},
      {"a!b%c@partner.example", Kind::secure, "partner.example"},
      {"user%x@exempt.example", Kind::not_listed, "exempt.example"},
      {"user%any.example@exempt.example", Kind::refuse_form, "*"},
      {"user%any.example@partner.example", Kind::refuse_form, "*"},
      {"postmaster", Kind::not_listed, ""},
  };
  for (const auto& c : cases) check(set, c);
}

BOOST_AUTO_TEST_CASE(where_nothing_is_listed_nothing_is_refused) {
  const auto set = policy_set("exempt.example none\n");
  for (const std::string address :
       {"user@", "user@☃.example", "\"user@else.example", "user%a.example@b.example"}) {
    BOOST_TEST((decide(set, address).kind == Kind::not_listed));
  }
}

BOOST_AUTO_TEST_CASE(reasons_can_stand_in_a_reply) {
  const auto set = policy_set("partner.example seal account=a\n");
  for (const std::string address :
       {"user@☃.example", "user%ｐartner.example@x.example", "user\r\n@x", "user@partner.example"}) {
    for (const char c : decide(set, address).reason) BOOST_TEST((c >= 0x20 && c < 0x7F));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
