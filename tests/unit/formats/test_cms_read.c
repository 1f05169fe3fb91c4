#include "cms_make.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static OSSL_LIB_CTX *libctx;
static struct identity alice, bob;

static enum sg_rc read_only(struct sg_slice bytes)
{
    struct judged judged;
    return judge(libctx, bytes, NONE, &alice, &judged);
}

static void assert_intact(struct sg_slice bytes, struct sg_slice detached)
{
    struct judged judged;
    assert_int_equal(judge(libctx, bytes, detached, &alice, &judged), SG_OK);
    assert_true(judged.digest && judged.wire && judged.sorted);
}

/* A CMS by OpenSSL; CMS_STREAM makes it BER with indefinite lengths. */
static struct sg_slice openssl_cms(struct sg_slice content, unsigned flags)
{
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len), *out = BIO_new(BIO_s_mem());
    char *data = NULL;
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, flags | CMS_BINARY | CMS_PARTIAL);
    assert_non_null(CMS_add1_signer(cms, alice.cert, alice.key, EVP_sha256(), flags | CMS_BINARY));
    if (flags & CMS_STREAM)
        assert_int_equal(i2d_CMS_bio_stream(out, cms, in, (int)(flags | CMS_BINARY)), 1);
    else
        assert_true(CMS_final(cms, in, NULL, flags | CMS_BINARY) == 1 && i2d_CMS_bio(out, cms) == 1);
    long len = BIO_get_mem_data(out, &data);
    struct sg_slice bytes = slice(data, (size_t)len);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
    return bytes;
}

/* An ordinary attached CMS by hand. */
static struct sg_slice ordinary(struct sg_slice content)
{
    return signed_data(encap(content), JOIN(tlv(0xa0, cert_der(alice.cert)), set(plain_signer(&alice, content))));
}

/* Is what OpenSSL writes read, with the same bytes signed: DER and BER, attached and detached, by issuer and by key
 * identifier, as DER and PEM? */
static void test_openssl(void **state)
{
    static const unsigned flags[] = {
        0, CMS_DETACHED, CMS_STREAM, CMS_STREAM | CMS_DETACHED, CMS_USE_KEYID, CMS_USE_KEYID | CMS_STREAM};
    struct sg_slice content = repeat(text("content\n"), 3000);
    struct judged judged;
    (void)state;

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        struct sg_slice bytes = openssl_cms(content, flags[i]);
        assert_intact(bytes, content);
        assert_intact(JOIN(pem("PKCS7", bytes), text("\n")), content);
    }
    assert_int_equal(judge(libctx, openssl_cms(content, CMS_DETACHED), text("other"), &alice, &judged), SG_OK);
    assert_true(!judged.digest && judged.wire);
    arena_clear();
}

/* Does the structure come out as it went in? */
static void test_parts(void **state)
{
    struct sg_slice attrs = JOIN(content_type(), message_digest(text("abc")), attribute("060155", hex("0500 020101")));
    struct sg_slice added = JOIN(attribute("060156", hex("0500")), attribute("060156", hex("0101ff")));
    struct sg_slice first = signer_info(&alice, tlv(0xa0, attrs), set(attrs), tlv(0xa1, added));
    struct sg_slice second = plain_signer(&bob, text("abc"));
    X509_CRL *crl = make_crl(&bob);
    struct sg_slice certs = JOIN(cert_der(alice.cert), tlv(0xa0, hex("0500")), tlv(0xa3, hex("0500")),
                                 sequence(hex("0500")), cert_der(bob.cert));
    struct sg_slice crls = JOIN(crl_der(crl), tlv(0xa1, hex("0500")), sequence(NONE));
    _cleanup_(sg_input_freep) struct sg_input *input =
        input_of(signed_data(encap(text("abc")), JOIN(tlv(0xa0, certs), tlv(0xa1, crls), set(JOIN(first, second)))));
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    const struct sg_attribute *found = NULL;
    (void)state;

    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
    assert_int_equal(OBJ_obj2nid(sg_cms_content_type(cms)), NID_pkcs7_data);
    assert_false(sg_cms_is_detached(cms));
    assert_int_equal(sk_X509_num(sg_cms_certificates(cms)), 2);
    assert_int_equal(X509_cmp(sk_X509_value(sg_cms_certificates(cms), 1), bob.cert), 0);
    assert_int_equal(sg_cms_unreadable_count(cms), 3);
    assert_int_equal(sg_cms_signer_count(cms), 2);
    assert_null(sg_cms_signer(cms, 2));

    const struct sg_signer_info *si = sg_cms_signer(cms, 0);
    assert_int_equal(si->version, 1);
    assert_slice_equal(si->encoding, first);
    assert_slice_equal(si->signed_attrs_wire, tlv(0xa0, attrs));
    assert_in_range(si->signed_part.data - si->encoding.data, 2, 4); /* behind the header */
    assert_memory_equal(si->signed_part.data, hex("020101").data, 3);
    struct sg_slice unsigned_attrs = tlv(0xa1, added),
                    behind = {si->signed_part.data + si->signed_part.len, unsigned_attrs.len};
    assert_slice_equal(behind, unsigned_attrs);

    const struct sg_cms_wire *wire = sg_cms_wire(cms);
    assert_slice_equal(wire->content_type, hex("06092a864886f70d010701"));
    assert_slice_equal(wire->certificates, tlv(0xa0, certs));
    assert_slice_equal(wire->crls, tlv(0xa1, crls));
    assert_int_equal(wire->certificate_choice_count, 5);
    assert_slice_equal(wire->certificate_choices[2], tlv(0xa3, hex("0500")));
    assert_int_equal(wire->revocation_choice_count, 3);
    assert_slice_equal(wire->revocation_choices[0], crl_der(crl));
    assert_slice_equal(wire->revocation_choices[1], tlv(0xa1, hex("0500")));
    assert_int_equal(si->signed_attr_count, 3);
    assert_slice_equal(si->signed_attrs[1].encoding, message_digest(text("abc")));
    assert_int_equal(si->signed_attrs[2].value_count, 2);
    assert_slice_equal(si->signed_attrs[2].values[1], hex("020101"));
    assert_int_equal(si->unsigned_attr_count, 2);
    assert_int_equal(sg_attributes_find(si->signed_attrs, 3, NID_pkcs9_messageDigest, &found), 1);
    assert_ptr_equal(found, &si->signed_attrs[1]);
    assert_int_equal(sg_attributes_find(si->signed_attrs, 3, NID_undef, &found), 0);
    assert_int_equal(sg_attributes_find(si->unsigned_attrs, 2, NID_pkcs9_messageDigest, &found), 0);
    assert_true(sg_signer_info_names(si, alice.cert) && !sg_signer_info_names(si, bob.cert));
    assert_slice_equal(sg_cms_signer(cms, 1)->encoding, second);
    X509_CRL_free(crl);
    arena_clear();
}

/* Is the sid matched by the subjectKeyIdentifier extension, and by nothing where a certificate has none? */
static void test_key_identifier(void **state)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(alice.cert);
    struct sg_slice key_id = slice(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
    /* Primitive, and BER with fragments. */
    struct sg_slice sids[] = {tlv(0x80, key_id), indefinite(0xa0, tlv(0x04, key_id)), tlv(0x80, NONE),
                              tlv(0x80, slice(key_id.data, key_id.len - 1))};
    (void)state;

    for (size_t i = 0; i < sizeof sids / sizeof *sids; i++) {
        struct sg_slice si = sequence(JOIN(hex("020103"), sids[i], hex(SHA256_ALGORITHM), hex(ECDSA_SHA256_ALGORITHM),
                                           tlv(0x04, text("signature"))));
        _cleanup_(sg_input_freep) struct sg_input *input = input_of(signed_data(encap(text("abc")), set(si)));
        _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
        assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
        const struct sg_signer_info *info = sg_cms_signer(cms, 0);
        assert_int_equal(info->version, 3);
        assert_null(info->issuer);
        assert_null(info->signed_attrs_wire.data);
        assert_int_equal(sg_signer_info_names(info, alice.cert), i < 2);
        assert_false(sg_signer_info_names(info, bob.cert)); /* no such extension */
    }
    arena_clear();
}

/* Are signed attributes that are not in DER's order checked in both orders? */
static void test_unsorted_attributes(void **state)
{
    struct sg_slice wrong = JOIN(message_digest(text("abc")), content_type());
    struct sg_slice right = JOIN(content_type(), message_digest(text("abc")));
    struct judged judged;
    (void)state;

    struct sg_slice si = signer_info(&alice, tlv(0xa0, wrong), set(wrong), NONE);
    assert_int_equal(judge(libctx, signed_data(encap(text("abc")), set(si)), NONE, &alice, &judged), SG_OK);
    assert_true(judged.digest && judged.wire && !judged.sorted);

    si = signer_info(&alice, tlv(0xa0, wrong), set(right), NONE);
    assert_int_equal(judge(libctx, signed_data(encap(text("abc")), set(si)), NONE, &alice, &judged), SG_OK);
    assert_true(judged.digest && !judged.wire && judged.sorted);
    arena_clear();
}

/* Are signed attributes in BER signed over what RFC 5652 §5.4 says, their DER, and a length in a longer form over what
 * is on the wire? */
static void test_ber_attributes(void **state)
{
    struct sg_slice digest = message_digest(text("abc")), der = JOIN(content_type(), digest);
    struct sg_slice loose = JOIN(content_type(), indefinite(0x30, slice(digest.data + 2, digest.len - 2)));
    struct sg_slice len = slice(&(uint8_t){(uint8_t)der.len}, 1);
    struct {
        struct sg_slice attrs, signed_bytes;
        bool wire, sorted;
    } cases[] = {
        {indefinite(0xa0, der), set(der), true, true},
        {indefinite(0xa0, loose), set(der), false, true},
        {indefinite(0xa0, loose), set(loose), true, false},
        {JOIN(hex("a081"), len, der), JOIN(hex("3181"), len, der), true, false},
        {JOIN(hex("a081"), len, der), set(der), false, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct judged judged;
        struct sg_slice si = signer_info(&alice, cases[i].attrs, cases[i].signed_bytes, NONE);
        assert_int_equal(judge(libctx, signed_data(encap(text("abc")), set(si)), NONE, &alice, &judged), SG_OK);
        assert_true(judged.digest);
        assert_int_equal(judged.wire, cases[i].wire);
        assert_int_equal(judged.sorted, cases[i].sorted);
    }
    arena_clear();
}

/* Everything indefinite that may be. */
static struct sg_slice all_indefinite(struct sg_slice content)
{
    struct sg_slice attrs = JOIN(content_type(), message_digest(content));
    struct sg_slice signature = signature_over(&alice, set(attrs));
    struct sg_slice si =
        indefinite(0x30, JOIN(hex("020101"), issuer_and_serial(&alice), indefinite(0x30, hex("0609608648016503040201")),
                              indefinite(0xa0, attrs), hex(ECDSA_SHA256_ALGORITHM), indefinite(0x24, signature),
                              indefinite(0xa1, attribute("060156", hex("0500")))));
    struct sg_slice string = indefinite(
        0x24, JOIN(tlv(0x04, slice(content.data, 1)), tlv(0x24, hex("0400")), tlv(0x04, slice(content.data + 1, 2))));
    struct sg_slice inner = JOIN(hex("020101"), indefinite(0x31, hex(SHA256_ALGORITHM)),
                                 indefinite(0x30, JOIN(hex(OID_DATA), indefinite(0xa0, string))),
                                 indefinite(0xa0, cert_der(alice.cert)), indefinite(0x31, si));
    return indefinite(0x30, JOIN(hex(OID_SIGNED_DATA), indefinite(0xa0, indefinite(0x30, inner))));
}

/* Is BER read in which every length is indefinite and every string in pieces? */
static void test_all_indefinite(void **state)
{
    (void)state;
    assert_intact(all_indefinite(text("abc")), NONE);
    arena_clear();
}

/* Does any beginning of a CMS pass for one, or crash? */
static void test_truncated(void **state)
{
    struct sg_slice wholes[] = {ordinary(text("abc")), all_indefinite(text("abc")),
                                openssl_cms(text("abc"), CMS_STREAM), pem("CMS", openssl_cms(text("abc"), 0))};
    (void)state;

    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        assert_intact(wholes[i], NONE);
        /* PEM is whole with its last dash. */
        for (size_t len = 0; len < wholes[i].len - 1; len++) {
            _cleanup_(sg_input_freep) struct sg_input *input = input_of((struct sg_slice){wholes[i].data, len});
            struct sg_cms *cms = NULL;
            assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_E_MALFORMED);
            assert_null(cms);
        }
    }
    arena_clear();
}

/* Does a change to a single octet, wherever it is, crash the reader, or go unnoticed where it was signed? */
static void test_changed(void **state)
{
    struct sg_slice wholes[] = {ordinary(text("abcdefgh")), all_indefinite(text("abc"))};
    static const uint8_t masks[] = {0x01, 0x20, 0x80}; /* another value, constructed or not, another form */
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct sg_slice attrs = i == 0 ? message_digest(text("abcdefgh")) : message_digest(text("abc"));
        uint8_t *bytes = (uint8_t *)wholes[i].data;
        const uint8_t *signed_from = memmem(bytes, wholes[i].len, attrs.data, attrs.len);
        assert_non_null(signed_from);
        for (size_t at = 0; at < wholes[i].len; at++) {
            for (size_t mask = 0; mask < sizeof masks; mask++) {
                struct judged judged;
                bytes[at] ^= masks[mask];
                enum sg_rc rc = judge(libctx, wholes[i], NONE, &alice, &judged);
                bytes[at] ^= masks[mask];
                assert_true(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
                if (bytes + at >= signed_from && bytes + at < signed_from + attrs.len)
                    assert_false(judged.digest && (judged.wire || judged.sorted));
            }
        }
    }
    arena_clear();
}

/* Is a structure refused that has a part too many, too few, in the wrong place or of the wrong type? */
static void test_malformed(void **state)
{
    struct sg_slice abc = text("abc"), si = plain_signer(&alice, abc), whole = ordinary(abc);
    struct sg_slice certs = tlv(0xa0, cert_der(alice.cert)), crls = tlv(0xa1, NONE), sis = set(si);
    struct sg_slice algorithms = set(hex(SHA256_ALGORITHM)), v1 = hex("020101"), e = encap(abc);
    struct sg_slice attrs = tlv(0xa0, content_type()), more = tlv(0xa1, content_type());
    struct sg_slice sid = issuer_and_serial(&alice), digest = hex(SHA256_ALGORITHM), value = tlv(0x04, abc);
    struct sg_slice algorithm = hex(ECDSA_SHA256_ALGORITHM), oid = hex(OID_SIGNED_DATA);
    const struct sg_slice signed_datas[] = {
        JOIN(hex("020102"), algorithms, e, sis),
        JOIN(hex("02020101"), algorithms, e, sis),
        JOIN(algorithms, e, sis),
        JOIN(v1, e, sis),
        JOIN(v1, set(hex("0500")), e, sis),
        JOIN(v1, algorithms, sis),
        JOIN(v1, algorithms, e),
        JOIN(v1, algorithms, e, certs),
        JOIN(v1, algorithms, e, certs, certs, sis),
        JOIN(v1, algorithms, e, crls, certs, sis),
        JOIN(v1, algorithms, e, crls, crls, sis),
        JOIN(v1, algorithms, e, tlv(0xa2, NONE), sis),
        JOIN(v1, algorithms, e, tlv(0x80, NONE), sis),
        JOIN(v1, algorithms, e, sis, sis),
        JOIN(v1, algorithms, e, sis, certs),
        JOIN(v1, algorithms, e, tlv(0xa0, hex("0500")), sis),
        JOIN(v1, algorithms, e, tlv(0xa0, tlv(0xa4, NONE)), sis),
        JOIN(v1, algorithms, e, tlv(0xa1, tlv(0xa2, NONE)), sis),
        JOIN(v1, algorithms, e, sequence(si)),
        JOIN(v1, algorithms, e, set(hex("0500"))),
        JOIN(v1, algorithms, sequence(tlv(0xa0, value)), sis),
        JOIN(v1, algorithms, sequence(JOIN(hex(OID_DATA), value)), sis),
        JOIN(v1, algorithms, sequence(JOIN(hex(OID_DATA), tlv(0xa1, value))), sis),
        JOIN(v1, algorithms, sequence(JOIN(hex(OID_DATA), tlv(0xa0, NONE))), sis),
        JOIN(v1, algorithms, sequence(JOIN(hex(OID_DATA), tlv(0xa0, sequence(abc)))), sis), /* RFC 2315's other types */
        JOIN(v1, algorithms, sequence(JOIN(hex(OID_DATA), tlv(0xa0, JOIN(value, value)))), sis),
        JOIN(v1, algorithms, sequence(JOIN(hex(OID_DATA), tlv(0xa0, value), tlv(0xa0, value))), sis),
        JOIN(v1, algorithms, sequence(hex("0600")), sis),
        JOIN(v1, algorithms, sequence(hex("0602 2a86")), sis),
        JOIN(v1, algorithms, sequence(tlv(0x06, repeat(hex("01"), 5000))), sis),
    };
    const struct sg_slice signer_infos[] = {
        JOIN(sid, digest, attrs, algorithm, value),
        JOIN(hex("0209 010000000000000000"), sid, digest, attrs, algorithm, value),
        JOIN(hex("0201ff"), sid, digest, attrs, algorithm, value),
        JOIN(hex("0200"), sid, digest, attrs, algorithm, value),
        JOIN(v1, digest, attrs, algorithm, value),
        JOIN(v1, sid, attrs, algorithm, value),
        JOIN(v1, sid, digest, algorithm),
        JOIN(v1, sid, digest, attrs, value),
        JOIN(v1, sid, digest, attrs, attrs, algorithm, value),
        JOIN(v1, sid, digest, algorithm, attrs, value),
        JOIN(v1, sid, digest, attrs, algorithm, value, attrs),
        JOIN(v1, sid, digest, attrs, algorithm, value, more, more),
        JOIN(v1, sid, digest, attrs, algorithm, value, value),
        JOIN(v1, sid, digest, attrs, algorithm, tlv(0x03, abc)),
        JOIN(v1, sid, sequence(NONE), attrs, algorithm, value),
        JOIN(v1, sequence(hex("0500")), digest, attrs, algorithm, value),
        JOIN(v1, sequence(JOIN(sid, hex("0500"))), digest, attrs, algorithm, value),
        JOIN(v1, sid, digest, tlv(0x80, content_type()), algorithm, value),
        JOIN(v1, sid, digest, tlv(0xa0, hex("0500")), algorithm, value),
        JOIN(v1, sid, digest, tlv(0xa0, sequence(NONE)), algorithm, value),
        JOIN(v1, sid, digest, tlv(0xa0, sequence(hex(OID_DATA))), algorithm, value),
        JOIN(v1, sid, digest, tlv(0xa0, sequence(JOIN(hex(OID_DATA), sequence(NONE)))), algorithm, value),
        JOIN(v1, sid, digest, tlv(0xa0, sequence(JOIN(hex(OID_DATA), set(NONE), set(NONE)))), algorithm, value),
        JOIN(v1, sid, digest, tlv(0xa0, sequence(JOIN(hex("0600"), set(NONE)))), algorithm, value),
    };
    const struct sg_slice outers[] = {
        NONE,
        text("hello"),
        text("-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"),
        sequence(NONE),
        sequence(oid),
        sequence(JOIN(hex(OID_DATA), tlv(0xa0, sequence(NONE)))),
        sequence(JOIN(oid, sequence(NONE))),
        sequence(JOIN(oid, tlv(0xa0, NONE))),
        set(slice(whole.data + 4, whole.len - 4)),
        JOIN(whole, hex("00")),
        JOIN(whole, whole),
        sequence(JOIN(slice(whole.data + 4, whole.len - 4), hex("0500"))),
        sequence(JOIN(oid, tlv(0xa0, JOIN(sequence(JOIN(v1, algorithms, e, sis)), hex("0500"))))),
        pem("CMS", JOIN(whole, hex("00"))),
    };
    (void)state;

    assert_int_equal(read_only(whole), SG_OK);
    assert_int_equal(read_only(sequence(slice(whole.data + 4, whole.len - 4))), SG_OK);
    for (size_t i = 0; i < sizeof signed_datas / sizeof *signed_datas; i++)
        assert_int_equal(read_only(sequence(JOIN(oid, tlv(0xa0, sequence(signed_datas[i]))))), SG_E_MALFORMED);
    for (size_t i = 0; i < sizeof signer_infos / sizeof *signer_infos; i++)
        assert_int_equal(read_only(signed_data(e, set(sequence(signer_infos[i])))), SG_E_MALFORMED);
    for (size_t i = 0; i < sizeof outers / sizeof *outers; i++)
        assert_int_equal(read_only(outers[i]), SG_E_MALFORMED);
    arena_clear();
}

/* Is what is odd but readable handed on: other versions, no signers, empty attributes, any type of content? */
static void test_odd(void **state)
{
    struct sg_slice si = plain_signer(&alice, text("abc")), e = encap(text("abc"));
    const struct sg_slice odd[] = {
        signed_data(e, set(NONE)),
        signed_data(sequence(hex(OID_DATA)), JOIN(tlv(0xa0, cert_der(alice.cert)), set(NONE))),
        signed_data(sequence(JOIN(hex("060155"), tlv(0xa0, hex("0400")))), set(si)),
        signed_data(e, JOIN(tlv(0xa0, NONE), tlv(0xa1, NONE), set(si))),
        signed_data(e, set(signer_info(&alice, tlv(0xa0, NONE), NONE, tlv(0xa1, NONE)))),
        signed_data(e, set(signer_info(&alice, tlv(0xa0, attribute("060155", NONE)), NONE, NONE))),
    };
    static const char *const versions[] = {"020101", "020103", "020104", "020105", "02810105"};
    (void)state;

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(read_only(odd[i]), SG_OK);
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct sg_slice inner = JOIN(hex(versions[i]), set(NONE), e, set(si));
        assert_int_equal(read_only(sequence(JOIN(hex(OID_SIGNED_DATA), tlv(0xa0, sequence(inner))))), SG_OK);
    }
    arena_clear();
}

/* Does each limit hold, and not before its time? */
static void test_limits(void **state)
{
    struct sg_slice e = encap(text("abc")), si = plain_signer(&alice, text("abc")), attr = attribute("060155", NONE);
    struct sg_slice other = tlv(0xa0, NONE), sha256 = hex(SHA256_ALGORITHM);
    (void)state;

    for (size_t over = 0; over < 2; over++) {
        struct sg_slice algorithms = set(repeat(sha256, SG_MAX_DIGEST_ALGORITHMS + over));
        struct sg_slice attrs = repeat(attr, SG_MAX_ATTRIBUTES + over);
        const struct sg_slice cases[] = {
            signed_data(e, set(repeat(si, SG_MAX_SIGNERS + over))),
            signed_data(e, set(signer_info(&alice, tlv(0xa0, attrs), NONE, NONE))),
            signed_data(e, set(signer_info(&alice, NONE, NONE, tlv(0xa1, attrs)))),
            signed_data(e, JOIN(tlv(0xa0, repeat(other, SG_MAX_CERTIFICATES + over)), set(si))),
            signed_data(e, JOIN(tlv(0xa1, repeat(tlv(0xa1, NONE), SG_MAX_CERTIFICATES + over)), set(si))),
            sequence(JOIN(hex(OID_SIGNED_DATA), tlv(0xa0, sequence(JOIN(hex("020101"), algorithms, e, set(si)))))),
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            assert_int_equal(read_only(cases[i]), over ? SG_E_LIMIT : SG_OK);
    }
    struct sg_slice values = attribute("060155", repeat(hex("0500"), SG_MAX_TLV_ELEMENTS));
    assert_int_equal(read_only(signed_data(e, set(signer_info(&alice, tlv(0xa0, values), NONE, NONE)))), SG_E_LIMIT);

    struct sg_slice nested = hex("0500");
    for (int i = 0; i < SG_MAX_TLV_DEPTH; i++)
        nested = indefinite(0x30, nested);
    assert_int_equal(read_only(signed_data(e, JOIN(tlv(0xa0, nested), set(si)))), SG_E_LIMIT);
    arena_clear();
}

/* Is content in a great many fragments read, and streamed whole? */
static void test_fragments(void **state)
{
    size_t count = SG_MAX_TLV_ELEMENTS + 1000;
    struct sg_slice string = indefinite(0x24, repeat(hex("040161"), count)), plain = repeat(text("a"), count);
    struct sg_slice e = indefinite(0x30, JOIN(hex(OID_DATA), indefinite(0xa0, string)));
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(signed_data(e, set(plain_signer(&alice, plain))));
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(2 * SG_MIB);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    (void)state;

    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
    for (int i = 0; i < 2; i++) { /* as often as it is asked for */
        content.len = 0;
        assert_int_equal(sg_cms_content(cms, sink_to(&content), NULL), SG_OK);
        assert_slice_equal(sg_buf_slice(&content), plain);
    }
    arena_clear();

    /* A fragment of another type, where a definite length hid it from the first look. */
    struct judged judged;
    e = sequence(JOIN(hex(OID_DATA), tlv(0xa0, tlv(0x24, hex("0c0161")))));
    assert_int_equal(judge(libctx, signed_data(e, set(NONE)), NONE, &alice, &judged), SG_E_MALFORMED);
    arena_clear();
}

/* Is content that is not there an error of the caller's? */
static void test_detached(void **state)
{
    _cleanup_(sg_input_freep) struct sg_input *input =
        input_of(signed_data(sequence(hex(OID_DATA)), set(plain_signer(&alice, text("abc")))));
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(10);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    (void)state;

    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
    assert_true(sg_cms_is_detached(cms));
    assert_int_equal(sg_cms_content(cms, sink_to(&content), NULL), SG_E_USAGE);
    arena_clear();
}

static enum sg_rc count_octets(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)data;
    (void)err;
    *(uint64_t *)context += len;
    return SG_OK;
}

static long peak_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static struct sg_slice header(uint8_t tag, uint64_t length)
{
    uint8_t bytes[SG_TLV_HEADER];
    size_t len = sg_tlv_header(tag, length, bytes);
    return slice(bytes, len);
}

/* A CMS whose content is a hole of `size` octets in a file. */
static struct sg_input *with_hole(uint64_t size, struct sg_slice tail)
{
    struct sg_slice head = header(0x04, size);
    head = JOIN(hex(OID_DATA), header(0xa0, head.len + size), head);
    head = JOIN(hex("020101"), set(hex(SHA256_ALGORITHM)), header(0x30, head.len + size), head);
    head = JOIN(header(0x30, head.len + size + tail.len), head);
    head = JOIN(hex(OID_SIGNED_DATA), header(0xa0, head.len + size + tail.len), head);
    head = JOIN(header(0x30, head.len + size + tail.len), head);

    /* In memory, where a hole costs nothing. */
    int fd = memfd_create("signet-test", MFD_CLOEXEC);
    char path[64];
    struct sg_input *input = NULL;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(head.len + size + tail.len)), 0);
    assert_int_equal(pwrite(fd, head.data, head.len, 0), head.len);
    assert_int_equal(pwrite(fd, tail.data, tail.len, (off_t)(head.len + size)), tail.len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(sg_input_open(path, &input, NULL), SG_OK);
    assert_int_equal(close(fd), 0);
    return input;
}

/* Is content over 4 GiB read and streamed, in memory that does not grow with it? */
static void test_huge(void **state)
{
    const uint64_t size = (UINT64_C(1) << 32) + 10;
    struct sg_slice tail = JOIN(tlv(0xa0, cert_der(alice.cert)), set(plain_signer(&alice, text("abc"))));
    _cleanup_(sg_input_freep) struct sg_input *input = with_hole(size, tail);
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    long before = peak_kib();
    uint64_t octets = 0;
    (void)state;

    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
    assert_int_equal(sg_cms_signer_count(cms), 1);
    struct sg_sink counting = {.write = count_octets, .context = &octets};
    assert_int_equal(sg_cms_content(cms, counting, NULL), SG_OK);
    assert_int_equal(octets, size);
    assert_in_range(peak_kib() - before, 0, 8 * 1024);
    arena_clear();
}

/* Is everything else limited, whether it is small by its lengths or not? */
static void test_huge_rest(void **state)
{
    struct sg_slice large = JOIN(header(0x31, SG_MAX_CMS_REST), repeat(hex("00"), SG_MAX_CMS_REST));
    _cleanup_(sg_input_freep) struct sg_input *input = with_hole(10, large);
    struct sg_cms *cms = NULL;
    (void)state;

    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_E_LIMIT);
    arena_clear();
}

/* Is CMS told from what is not, also where it is broken? */
static void test_probe(void **state)
{
    struct sg_slice whole = ordinary(text("abc"));
    const struct sg_slice yes[] = {
        whole,
        slice(whole.data, 20),
        JOIN(whole, hex("00")),
        all_indefinite(text("abc")),
        hex("3080" OID_SIGNED_DATA),
        pem("CMS", whole),
        pem("PKCS7", whole),
        pem("PKCS #7 SIGNED DATA", whole),
        pem("SIGNED MESSAGE", whole),
        text("-----BEGIN CMS-----\nbroken"),
    };
    const struct sg_slice no[] = {
        NONE,
        text("hello"),
        text("%PDF-1.7\n"),
        text("PK\3\4"),
        cert_der(alice.cert),
        pem("CERTIFICATE", whole),
        sequence(hex(OID_DATA)),
        hex("30 0b 0609 2a864886f70d0107"),
        slice(whole.data, 10),
        set(hex(OID_SIGNED_DATA)),
        JOIN(hex("00"), whole),
        hex("3003 020101"),
        hex("30"),
        hex("3080 2609 2a864886f70d010702"),
        repeat(hex("30"), 1000),
        JOIN(text("A mail.\n"), pem("CMS", whole)),
    };
    (void)state;

    for (size_t i = 0; i < sizeof yes / sizeof *yes + sizeof no / sizeof *no; i++) {
        bool expected = i < sizeof yes / sizeof *yes;
        bool is_cms = !expected;
        _cleanup_(sg_input_freep) struct sg_input *input =
            input_of(expected ? yes[i] : no[i - sizeof yes / sizeof *yes]);
        struct sg_err err = {0};
        assert_int_equal(sg_cms_probe(input, &is_cms, &err), SG_OK);
        assert_int_equal(is_cms, expected);
        assert_int_equal(err.rc, SG_OK);
    }
    arena_clear();
}

static int set_up(void **state)
{
    (void)state;
    alice = make_identity("Alice", 1, true);
    bob = make_identity("Bob", 2, false);
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free_identity(&alice);
    free_identity(&bob);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_huge), /* first, since a process' peak does not go down */
        cmocka_unit_test(test_openssl),        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_key_identifier), cmocka_unit_test(test_unsorted_attributes),
        cmocka_unit_test(test_ber_attributes), cmocka_unit_test(test_all_indefinite),
        cmocka_unit_test(test_truncated),      cmocka_unit_test(test_changed),
        cmocka_unit_test(test_malformed),      cmocka_unit_test(test_odd),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_detached),       cmocka_unit_test(test_huge_rest),
        cmocka_unit_test(test_probe),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
