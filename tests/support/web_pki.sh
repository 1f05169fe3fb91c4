# A CA whose certificates say where its CRL, its responder and its own certificate are.
#
#     web_pki URL OCSP-URL     # makes, in $PKI: root, issuing, ocsp (a responder), and index, of `openssl ca`
#     web_issue NAME [WHAT]... # a signer: its .pem and .key; WHAT of crl, ocsp, aia: what its certificate names (all)
#     web_revoke NAME
#     web_crl FILE [ARGUMENT...]  # the issuing CA's present CRL; more are `openssl ca`'s
# shellcheck shell=bash

web_serial=4096

web_sign() { # NAME ISSUER EXTENSIONS
    web_serial=$((web_serial + 1))
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$PKI/$1.key" -subj "/CN=$1" \
        -out "$PKI/$1.csr" 2> /dev/null
    printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n%s\n' "$3" > "$PKI/$1.ext"
    openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/$2.pem" -CAkey "$PKI/$2.key" -set_serial "$web_serial" -days 30 \
        -extfile "$PKI/$1.ext" -out "$PKI/$1.pem" 2> /dev/null
}

web_pki() { # URL OCSP-URL
    PKI=$tmp/pki WEB_URL=$1 WEB_OCSP=$2
    mkdir -p "$PKI"
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$PKI/root.key" -days 30 \
        -subj "/CN=Web Root" -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$PKI/root.pem" 2> /dev/null
    web_sign issuing root $'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign'"
crlDistributionPoints=URI:$1/root.crl"
    web_sign ocsp issuing $'keyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\nnoCheck=ignored'
    : > "$PKI/index"
    : > "$PKI/root-index"
    local ca
    for ca in root issuing; do
        echo 01 > "$PKI/$ca.number"
        cat > "$PKI/$ca.cnf" << END
[ca]
default_ca = it
[it]
database = $PKI/index
crlnumber = $PKI/$ca.number
certificate = $PKI/$ca.pem
private_key = $PKI/$ca.key
default_md = sha256
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
END
    done
    sed -i "s#/index\$#/root-index#" "$PKI/root.cnf"
    openssl ca -config "$PKI/root.cnf" -gencrl -crldays 7 2> /dev/null | openssl crl -outform DER -out "$PKI/root.crl"
}

web_line() { # NAME STATUS REVOKED
    printf '%s\t%s\t%s\t%X\tunknown\t/CN=%s\n' "$2" "$(date -u -d '+30 days' +%y%m%d%H%M%SZ)" "$3" \
        "$(openssl x509 -in "$PKI/$1.pem" -noout -serial | sed 's/.*=/0x/')" "$1"
}

web_issue() { # NAME [WHAT]...
    local name=$1 extensions=$'keyUsage=critical,nonRepudiation\n' access=
    shift
    [ $# -gt 0 ] || set -- crl ocsp aia
    case " $* " in *" crl "*) extensions+="crlDistributionPoints=URI:$WEB_URL/issuing.crl"$'\n' ;; esac
    case " $* " in *" ocsp "*) access="OCSP;URI:$WEB_OCSP" ;; esac
    case " $* " in *" aia "*) access=${access:+$access,}"caIssuers;URI:$WEB_URL/issuing.cer" ;; esac
    [ -z "$access" ] || extensions+="authorityInfoAccess=$access"
    web_sign "$name" issuing "$extensions"
    web_line "$name" V "" >> "$PKI/index"
}

web_revoke() { # NAME
    sed -i "/CN=$1\$/d" "$PKI/index"
    web_line "$1" R "$(date -u -d '-1 hour' +%y%m%d%H%M%SZ),keyCompromise" >> "$PKI/index"
}

web_crl() { # FILE [ARGUMENT...]
    local file=$1
    shift
    openssl ca -config "$PKI/issuing.cnf" -gencrl -crldays 7 "$@" 2> /dev/null | openssl crl -outform DER -out "$file"
}
