/* Everything a stranger controls has a limit, and all of them stand here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SG_KIB ((size_t)1024)
#define SG_MIB (1024 * SG_KIB)

/* Formats. Content is streamed and has no limit; the rest of a signature is held in memory. */
#define SG_MAX_CMS_REST (32 * SG_MIB)     /* certificates, CRLs and SignerInfos of one CMS together */
#define SG_MAX_TLV_DEPTH 32               /* nesting of constructed values */
#define SG_MAX_TLV_ELEMENTS 1000000       /* elements of one structure held in memory */
#define SG_MAX_SIGNERS 256                /* SignerInfos of one CMS */
#define SG_MAX_COUNTERSIGNATURES 64       /* of one CMS, judged */
#define SG_MAX_COUNTERSIGNATURE_NESTING 3 /* of one of one of one */
#define SG_MAX_ATTRIBUTES 256             /* attributes of one SignerInfo, signed and unsigned each */
#define SG_MAX_DIGEST_ALGORITHMS 16       /* digestAlgorithms of one SignedData */
#define SG_MAX_CERTIFICATES 1000          /* in one CMS, PEM file or option */
#define SG_MAX_CERTIFICATE (256 * SG_KIB) /* one certificate's DER */
#define SG_MAX_CERT_FILE (16 * SG_MIB)    /* a file of certificates */
#define SG_MAX_CRL_FILE (512 * SG_MIB)    /* a CRL */
#define SG_MAX_CRL_PART (128 * SG_KIB)    /* of it: one entry, its issuer's name, its extensions; held in memory */
#define SG_MAX_CRL_HELD (32 * SG_MIB)     /* a CRL signed with EdDSA, which cannot be checked by its digest */
#define SG_MAX_CRL_ISSUERS 4096           /* whose certificates one indirect CRL lists */
#define SG_MAX_CRL_INDEX_HEADER SG_MIB
#define SG_MAX_OCSP_CERTIFICATES 8    /* that one OCSP response carries */
#define SG_MAX_CLOCK_SKEW 300         /* seconds by which a responder's clock may be ahead of ours */
#define SG_MAX_NAME_TEXT (4 * SG_KIB) /* a name as text, which is then cut */
#define SG_MAX_PROFILE (4 * SG_MIB)   /* the JSON of a profile */

/* Containers of signatures (ZIP). Their files are streamed. */
#define SG_MAX_ZIP_ENTRIES 1000000          /* files and folders of one */
#define SG_MAX_ZIP_DIRECTORY (256 * SG_MIB) /* what says where they are; held in memory */
#define SG_MAX_ZIP_NAME 1024                /* bytes of an entry's name */
#define SG_MAX_ZIP_RATIO 200                /* by which all of it may grow when it is unpacked ... */
#define SG_MAX_ZIP_FREE (16 * SG_MIB)       /* ... and so much besides */
#define SG_MAX_ASIC_SIGNATURES 256          /* signature files of one container */
#define SG_MAX_ASIC_MANIFESTS 1024
#define SG_MAX_ASIC_MANIFEST (512 * SG_MIB) /* one of them */
#define SG_MAX_ASIC_TEXT (4 * SG_KIB)       /* one attribute or text of it */

/* S/MIME messages. What is signed is streamed, and has no limit. */
#define SG_MAX_MIME_HEADERS (256 * SG_KIB) /* of a message or a part, together */
#define SG_MAX_MIME_FIELD (8 * SG_KIB)     /* one of them that is read */
#define SG_MAX_MIME_LINE (8 * SG_KIB)      /* a line of headers, or of Base64 */

/* The signed list of anchors. */
#define SG_MAX_ANCHOR_LIST (8 * SG_MIB)                       /* the JSON */
#define SG_MAX_ANCHOR_LIST_FILE (SG_MAX_ANCHOR_LIST + SG_MIB) /* with the signature around it */
#define SG_MAX_LISTED_ANCHORS 4096
#define SG_MAX_ANCHOR_LIMITS (8 * SG_KIB) /* of one anchor, as text */
#define SG_MAX_RELEASE_TEXT 64            /* a version */

/* What a visible signature looks like. */
#define SG_MAX_LOOK_LINES 16
#define SG_MAX_LOOK_TEXT 1024             /* characters of one line */
#define SG_MAX_LOOK_SIDE 14400            /* points of its box: as large as a page may be (ISO 32000-1 annex C.2) */
#define SG_MAX_LOOK_IMAGE (8 * SG_MIB)    /* the file */
#define SG_MAX_LOOK_PIXELS (16 * 1000000) /* of it */
#define SG_MAX_LOOK_PART (16 * SG_MIB)    /* one object: a font's subset, an image */
#define SG_MAX_FONT_FILE (64 * SG_MIB)
#define SG_MAX_FONTS 64 /* looked at for one signature */

/* Encryption. The content is streamed. */
#define SG_MAX_RECIPIENT_INFOS (4 * SG_MIB)    /* RecipientInfos of one CMS together */
#define SG_MAX_RECIPIENTS 256                  /* certificates that one content is encrypted to */
#define SG_MAX_ENCRYPTED_CONTENT (1 * SG_MIB)  /* content that is encrypted in memory */
#define SG_MAX_GCM_NONCE 128                   /* octets, as many as OpenSSL takes */
#define SG_MAX_GCM_CONTENT ((1ULL << 36) - 32) /* octets under one key and nonce (SP 800-38D §5.2.1.1) */

/* PDF. Objects are read on demand, each with all of the object stream that it stands in; of other streams those that
 * are asked for are held in memory. */
#define SG_MAX_PDF_OBJECTS 4000000        /* in use in one file */
#define SG_MAX_PDF_NUMBER 8388607         /* of an object (ISO 32000-1 table C.1) */
#define SG_MAX_PDF_DEPTH 64               /* arrays and dictionaries in each other */
#define SG_MAX_PDF_ELEMENTS 1000000       /* of one object, with all in it */
#define SG_MAX_PDF_STRING (32 * SG_MIB)   /* one string or name */
#define SG_MAX_PDF_MEMORY (2048 * SG_MIB) /* that one document takes, its objects and what is inflated for them ... */
#define SG_PDF_MEMORY_FREE (256 * SG_MIB) /* ... and of that so much ... */
#define SG_PDF_MEMORY_RATIO 64            /* ... and so many octets for each of the file */
#define SG_MAX_PDF_SIGNATURES 1000        /* of one file, with its document time-stamps */
#define SG_MAX_PDF_FIELDS 1000000         /* nodes of the tree of fields */
#define SG_MAX_PDF_FIELD_DEPTH 32
#define SG_MAX_PDF_KEPT 2000000            /* objects of revisions that are kept open together */
#define SG_MAX_PDF_NAME_TEXT (64 * SG_KIB) /* a name or text as it is shown */
#define SG_MAX_PDF_COMPARED (64 * SG_MIB)  /* of one stream that stands elsewhere in a later revision */
#define SG_MAX_PDF_PERMITTED_DEPTH 64      /* objects that lead to each other in what was added */
#define SG_MAX_PDF_DEFAULT_TEXT 256        /* a field's /DA that is taken apart */
#define SG_MAX_PDF_EVIDENCE (16 * SG_MIB)  /* of the DSS of all revisions, together, with what could not be used */
#define SG_MAX_PDF_EVIDENCE_GIVEN                                                                                      \
    (64 * SG_MIB)                 /* the same, once for each signature that is judged by it, and 4 KiB for each item */
#define SG_MAX_PDF_ENDINGS 16384  /* that look like the end of a revision */
#define SG_MAX_PDF_REVISIONS 1000 /* of one file: each is opened, and reads what all before it read */
#define SG_MAX_PDF_REOPENED 20000000 /* objects of them together, an object counted once for each that has it */

/* Time-stamps. */
#define SG_MAX_TIMESTAMP (16 * SG_MIB) /* one token, with the certificates and CRLs that it carries */
#define SG_MAX_TIMESTAMPS 16           /* of one signature, judged */
#define SG_MAX_TSA_TEXT 400            /* bytes of what a TSA says for a person, which is then cut */

/* What a signature carries to be judged by later. */
#define SG_MAX_EVIDENCE_TIMESTAMPS 64   /* of one signature, read */
#define SG_MAX_EVIDENCE_PLACES 4096     /* members of certificates and crls and values of attributes, together */
#define SG_MAX_EVIDENCE_FOUND 1000      /* certificates, CRLs and OCSP responses, each */
#define SG_MAX_EVIDENCE_LOOKED_AT 16384 /* of them, with those that are there several times */
#define SG_MAX_EVIDENCE_REFERENCES 4096 /* hashes of them */
#define SG_MAX_EVIDENCE_DIGESTS 4       /* algorithms by which one thing is hashed */

#define SG_MAX_HTML_SUMMARY (64 * SG_MIB) /* the list of files that it begins with */

#define SG_MAX_CARRIED_CRLS (8 * SG_MIB) /* CRLs that one CMS carries, together */
#define SG_MAX_CARRIED_OCSPS 64          /* OCSP responses that one signature carries, looked at */

/* Signatures and keys that are checked. */
#define SG_MAX_RSA_BITS 8192
#define SG_MAX_RSA_EXPONENT_BITS 64  /* of the public exponent: a long one costs as much as signing */
#define SG_MAX_SIGNER_CANDIDATES 8   /* certificates that one SignerIdentifier names, tried */
#define SG_MAX_CRL_ISSUER_NAMES 16   /* whose CRLs may speak of one certificate */
#define SG_MAX_CARRIED_CRLS_TRIED 64 /* carried CRLs of one issuer name, looked at for one certificate */

#define SG_MAX_CRL_SIGNER_NESTING 3 /* judgements of a CRL's signer, each by the CRL of another */

/* Paths. */
#define SG_MAX_PATH_LENGTH 16   /* certificates in one path */
#define SG_MAX_PATHS 128        /* candidate paths tried for one certificate */
#define SG_MAX_PATH_STEPS 20000 /* issuer candidates looked at for one certificate */

/* Tokens: a module's answers are hostile until checked. */
#define SG_MAX_MODULES 64
#define SG_MAX_SLOTS 1024
#define SG_MAX_TOKENS 4096             /* tokens seen in one run */
#define SG_MAX_OBJECTS 4096            /* objects of one token */
#define SG_MAX_ATTRIBUTE (64 * SG_KIB) /* one attribute's value */
#define SG_MAX_MECHANISMS 1024
#define SG_MAX_SIGNATURE 2048 /* bytes of one signature value */
#define SG_MAX_LABEL 255      /* bytes of a label that we give to a token or an object */
#define SG_MAX_PIN 255
#define SG_MAX_URI 4096
#define SG_TOKEN_TIMEOUT_MS 10000           /* for one C_ call of a module in a host, unless configured */
#define SG_TOKEN_SIGN_TIMEOUT_MS 30000      /* the same where a private key or a person is needed */
#define SG_INTERLOCK_WAIT 30                /* seconds for another program that gives the token a PIN */
#define SG_PINENTRY_TIMEOUT 120             /* seconds for a person to enter a PIN in a dialogue */
#define SG_TOKEN_IDLE_MS 60000              /* after which a host without work ends */
#define SG_MAX_HOST_CALLS 50                /* limits of one C_ call that one request may take in all */
#define SG_MAX_HOST_LOG 64                  /* warnings that come with one answer */
#define SG_MAX_PATH_TEXT 4097               /* a module's path with its NUL */
#define SG_MAX_HOST_MESSAGE (16 * SG_MIB)   /* between a token host and who started it */
#define SG_MAX_HOST_SECRET SG_MAX_SIGNATURE /* a secret in such a message: a PIN, or what a token decrypted */
#define SG_MAX_READERS 64                   /* that PC/SC tells of */
#define SG_MAX_CACHE (1 * SG_MIB)           /* what one module's tokens showed, kept in a file */

/* A token host's own. */
#define SG_MAX_HOST_MEMORY (4096 * SG_MIB) /* of addresses */
#define SG_MAX_HOST_FILES 1024
#define SG_MAX_HOST_FILE_SIZE (64 * SG_MIB) /* a module may keep a token in files */

/* Servers. */
#define SG_MAX_URL 2048
#define SG_MAX_REDIRECTS 5
#define SG_MAX_ERROR_BODY (16 * SG_KIB) /* of an answer that is an error, kept to be understood */
#define SG_MAX_HEADERS (64 * SG_KIB)    /* of one answer */
#define SG_PUT_PART (16 * SG_MIB)       /* of what is larger, a WebDAV server gets so much at once */
#define SG_PUT_LEARN 16                 /* objects a run creates before it finds out whether conditions are honoured */
#define SG_PUT_UNASKED (1 * SG_MIB)     /* objects up to here are then not asked for before they are sent */
#define SG_MAX_RECEIPT_TEXT 1024        /* of one header that a receipt keeps */
#define SG_MAX_TSA_ANSWER (256 * SG_KIB)
#define SG_MAX_OCSP_ANSWER (256 * SG_KIB)
#define SG_SYNC_PARALLEL 8               /* requests at once to one server */
#define SG_MAX_SERVERS 256               /* one run talks to */
#define SG_MAX_SERVER_FAILURES 16        /* in a row, after which a server is not asked again in a run */
#define SG_LEAST_RATE (2 * SG_KIB)       /* bytes a second, over a whole transfer: so slow may a link be */
#define SG_MAX_HTTP_REALMS 66            /* client keys for TLS, with none among them */
#define SG_MAX_IDLE_HANDLES 64           /* of the HTTP library, kept for use */
#define SG_MAX_CRL_ANSWER (128 * SG_MIB) /* a CRL of some million certificates */
#define SG_MAX_AIA_ANSWER (1 * SG_MIB)   /* certificates of CAs */
#define SG_MAX_PULLS 4096                /* things that are fetched */

/* S3. */
#define SG_S3_PART (16 * SG_MIB)      /* larger objects are sent in parts of this size, or larger ones */
#define SG_S3_PARALLEL 4              /* parts of one object under way */
#define SG_MAX_S3_PARTS 10000         /* of one object: S3's own limit */
#define SG_MAX_S3_ANSWER (1 * SG_MIB) /* XML: a page of a list of parts is the longest */
#define SG_MAX_S3_DEPTH 8             /* of it */
#define SG_MAX_S3_TEXT (4 * SG_KIB)   /* in one of its elements */
#define SG_MAX_S3_UPLOAD_ID 1024
#define SG_MAX_S3_ETAG 128

/* Configuration. */
#define SG_MAX_CONFIG_GROUPS 64 /* sections with a name of their own */
#define SG_MAX_CONFIG_FILE (1 * SG_MIB)
#define SG_MAX_CONFIG_LINE 4096                  /* as given to inih */
#define SG_MAX_CONFIG_LIST 1024                  /* lines of one key */
#define SG_MAX_DURATION ((int64_t)36500 * 86400) /* seconds: 100 years */

/* Provisioning. */
#define SG_MAX_CSV_FILE (4 * SG_MIB) /* a list of persons */
#define SG_MAX_CSV_FIELDS 32         /* columns of it */
#define SG_MAX_STAFF 1000            /* persons in it: each needs up to two of SG_MAX_TOKENS */
#define SG_MAX_ISSUED_FILES 4000     /* that a CA sent back for one list */

/* The ledger. */
#define SG_MAX_LEDGER_EXPORT (64 * SG_MIB) /* one export of it */
#define SG_MAX_WITNESSES 1000000           /* of one ledger */
#define SG_MAX_METRICS (4 * SG_MIB)        /* a page of figures for a monitoring system */

/* Signing. */
#define SG_MAX_THREADS 16
#define SG_GROUP_FILES 400 /* files made final together; their descriptors fit the usual limit of 1024 */
#define SG_IO_BUFFER (256 * SG_KIB)
#define SG_SMALL_FILE (64 * SG_KIB)   /* read in one piece */
#define SG_SPOOL_MEMORY (32 * SG_MIB) /* of what cannot be read twice; more goes to a temporary file */
#define SG_GROUP_MS 1000              /* after which a group that is not full is made final, too */
#define SG_MAX_CHECKSUMS 1000000      /* files that one list names */
#define SG_MAX_CHECKSUM_LIST (256 * SG_MIB)
#define SG_MAX_SHOWN_FILES 10 /* by name, before a question; of more, the first and the last (of a manifest all) */

/* Signing PDFs. */
#define SG_MAX_PDF_UPDATE (64 * SG_MIB) /* what signing appends, held in memory: an image, fonts */
#define SG_MAX_PDF_UPDATE_OBJECTS 256   /* objects in it */
#define SG_MAX_PDF_NUMBERS_PASSED 65536 /* that are looked at for as many that nothing refers to */
#define SG_MAX_PDF_RESERVE (1 * SG_MIB) /* room for what comes later */
#define SG_MAX_PDF_LOOK_PARTS 64        /* objects that a visible signature is made of */
#define SG_MAX_PDF_TEXT (8 * SG_KIB)    /* a text in a signature, or a field's whole name */
#define SG_MAX_PDF_TREE_DEPTH 64        /* pages in pages */
#define SG_MAX_PDF_CHOICES 5            /* that an error names, of what a PDF leaves to choose from */
#define SG_MAX_PDF_CHOICE 60            /* octets of each */
#define SG_MAX_PDF_PAGES 1000000        /* nodes of the page tree */

/* Judging in a child process. */
#define SG_MAX_JUDGING_BATCH 256          /* files that one child judges */
#define SG_MAX_JUDGING_JOBS 64            /* children at once */
#define SG_LARGE_FILE (8 * SG_MIB)        /* which has a child of its own */
#define SG_JUDGING_SECONDS 60             /* for one file, and ... */
#define SG_JUDGING_RATE (1 * SG_MIB)      /* ... one more for each so many bytes of it */
#define SG_JUDGING_MEMORY (2048 * SG_MIB) /* of addresses, beyond what the parent has */
#define SG_JUDGING_AHEAD 4096             /* files whose answers may wait for that of one before them */
#define SG_JUDGING_HELD (64 * SG_MIB)     /* bytes of such answers; then only that one is listened to */
#define SG_MAX_JUDGING_TEXT (64 * SG_MIB) /* of one answer */
#define SG_MAX_JUDGING_LOG 4096           /* messages for the log about one file */
#define SG_MAX_TREE_DEPTH 256             /* folders in folders */

/* Secrets. */
#define SG_SECURE_HEAP (64 * SG_KIB) /* a power of two; fits the usual limit of locked memory */
