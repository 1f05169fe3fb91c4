# Apache with WebDAV. A test that sources this file says
#
#     apache_start [WORD...]
#
# with `tls` (with the certificate $tmp/server.pem, made if it is not there), `client` (a client certificate of the
# fixtures' CA is required, tls), `basic` (user "ann", password "archive"), `TLSv1.2` (and no other), and has
# $APACHE_URL of a collection that is not there yet, and $APACHE_FILES, where its files are.
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

apache_pid=

apache_modules() {
    local module
    for module in mpm_event authn_core authn_file authz_core authz_user auth_basic ssl dav dav_fs log_config; do
        if [ -e "/usr/lib/apache2/modules/mod_$module.so" ]; then
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        fi
    done
}

apache_tls() { # WORD...
    [ -e "$tmp/server.pem" ] || server_certificate "$tmp/server" DNS:localhost,IP:127.0.0.1
    echo "SSLEngine on"
    echo "SSLCertificateFile $tmp/server.pem"
    echo "SSLCertificateKeyFile $tmp/server.key"
    case " $* " in *" TLSv1.2 "*) echo "SSLProtocol TLSv1.2" ;; esac
    case " $* " in *" client "*)
        echo "SSLCACertificateFile $SIGNET_FIXTURES/ca/chain.pem"
        echo "SSLVerifyClient require"
        echo "SSLVerifyDepth 3"
        ;;
    esac
}

apache_access() { # WORD...
    case " $* " in
        *" basic "*)
            # "archive", by MD5 with a salt, as Apache has it
            echo "ann:$(openssl passwd -apr1 -salt signet archive)" > "$tmp/apache/users"
            printf 'AuthType Basic\nAuthName archive\nAuthBasicProvider file\nAuthUserFile %s\nRequire valid-user\n' \
                "$tmp/apache/users"
            ;;
        *) echo "Require all granted" ;;
    esac
}

apache_start() { # [WORD...]
    local root=$tmp/apache port scheme=http
    free_port
    port=$ret_port
    case " $* " in *" tls "* | *" client "*) scheme=https ;; esac
    chmod o+x "$tmp"
    mkdir -p "$root/files" "$root/lock"
    [ "$(id -u)" != 0 ] || chown www-data "$root/files" "$root/lock"
    {
        echo "ServerRoot $root"
        echo "PidFile $root/pid"
        echo "ServerName localhost"
        echo "User www-data"
        echo "Group www-data"
        apache_modules
        echo "ErrorLog $root/error.log"
        echo 'LogFormat "%m %U %s" short'
        echo "CustomLog $root/access.log short"
        echo "Listen 127.0.0.1:$port"
        echo "DavLockDB $root/lock/DavLock"
        echo "DocumentRoot $root/files"
        echo "KeepAliveTimeout 30"
        echo "MaxKeepAliveRequests 0"
        [ $scheme = http ] || apache_tls "$@"
        echo "<Directory $root/files>"
        echo "Dav On"
        apache_access "$@"
        echo "</Directory>"
    } > "$root/apache.conf"
    server_run "$root/out" apache2 -d "$root" -f "$root/apache.conf" -DFOREGROUND
    apache_pid=$server_pid
    APACHE_PORT=$port
    APACHE_URL=$scheme://localhost:$port/archive
    APACHE_FILES=$root/files/archive
    server_wait "$port" "$apache_pid" "$root/error.log"
}

apache_stop() {
    server_end "$apache_pid"
    apache_pid=
}
