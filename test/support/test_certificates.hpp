// Certificates made on the spot, as PEM files in a folder that goes with the object.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace cnode::test {

class certificates {
 public:
  certificates() {
    char name[] = "/tmp/cnode-certificates.XXXXXX";
    folder_ = ::mkdtemp(name);
    authority("ca");
  }
  ~certificates() { std::filesystem::remove_all(folder_); }
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  std::string write(const std::string& file, const std::string& content) const {
    std::ofstream(path(file), std::ios::binary) << content;
    return path(file);
  }
  // NAME.pem and NAME.key
  void authority(const std::string& name) const { make(name, name, "", 3600); }
  // Valid for `seconds` from an hour ago on; negative: over already. `password`: the key is encrypted with it.
  void certificate(const std::string& name, const std::string& authority = "ca", const std::string& host = "localhost",
                   long seconds = 3 * 3600, const std::string& password = "") const {
    make(name, authority, host, seconds, password);
  }
  // The options of one role: "" for certificate means none.
  std::string options(const std::string& certificate, const std::string& authority, const std::string& more = "") const {
    std::string o = more;
    const auto add = [&o](const std::string& text) { o += (o.empty() ? "" : ", ") + text; };
    if (!certificate.empty()) add("{certfile, \"" + path(certificate + ".pem") + "\"}, {keyfile, \"" + path(certificate + ".key") + "\"}");
    if (!authority.empty()) add("{verify, verify_peer}, {cacertfile, \"" + path(authority + ".pem") + "\"}");
    else add("{verify, verify_none}");
    return "[" + o + "]";
  }
  std::string optfile(const std::string& server, const std::string& client, const std::string& file = "tls.conf") const {
    return write(file, "[{server, " + server + "},\n {client, " + client + "}].\n");
  }

 private:
  using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using x509_ptr = std::unique_ptr<X509, decltype(&X509_free)>;
  using file_ptr = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

  file_ptr open(const std::string& file, const char* mode) const { return {std::fopen(path(file).c_str(), mode), &std::fclose}; }

  static void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  void make(const std::string& name, const std::string& authority, const std::string& host, long seconds,
            const std::string& password = "") const {
    const key_ptr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const x509_ptr made(X509_new(), &X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), seconds - 3600);
    if (name == authority) X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 3600);
    auto* subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(made.get(), key.get());
    x509_ptr issuer(nullptr, &X509_free);
    key_ptr issuer_key(nullptr, &EVP_PKEY_free);
    if (name != authority) {
      issuer.reset(PEM_read_X509(open(authority + ".pem", "r").get(), nullptr, nullptr, nullptr));
      issuer_key.reset(PEM_read_PrivateKey(open(authority + ".key", "r").get(), nullptr, nullptr, nullptr));
    }
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer ? issuer.get() : made.get()));
    extend(made.get(), issuer ? issuer.get() : made.get(), NID_basic_constraints, name == authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!host.empty()) extend(made.get(), issuer.get(), NID_subject_alt_name, "DNS:" + host);
    X509_sign(made.get(), issuer_key ? issuer_key.get() : key.get(), EVP_sha256());
    PEM_write_X509(open(name + ".pem", "w").get(), made.get());
    auto* text = const_cast<char*>(password.c_str());
    PEM_write_PrivateKey(open(name + ".key", "w").get(), key.get(), password.empty() ? nullptr : EVP_aes_256_cbc(),
                         reinterpret_cast<unsigned char*>(password.empty() ? nullptr : text), static_cast<int>(password.size()), nullptr, nullptr);
  }

  std::string folder_;
};

}  // namespace cnode::test
