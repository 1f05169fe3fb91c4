# A proxy as companies have: Apache's mod_proxy, for http, and for https by CONNECT.
#
#     forward_proxy_start [WORD]   # `closed`: it leads nowhere by CONNECT; $FORWARD_PROXY is its URL, and its log is
#     forward_proxy_stop           # $tmp/forward-proxy/access.log
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

forward_proxy_pid=

forward_proxy_start() { # [WORD]
    local root=$tmp/forward-proxy port module ports=1-65535
    free_port
    port=$ret_port
    [ "${1:-}" != closed ] || ports=1
    mkdir -p "$root"
    {
        printf 'ServerRoot %s\nPidFile %s/pid\nServerName localhost\nUser www-data\nGroup www-data\n' "$root" "$root"
        for module in mpm_event authz_core proxy proxy_http proxy_connect log_config; do
            [ ! -e "/usr/lib/apache2/modules/mod_$module.so" ] ||
                echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        printf 'ErrorLog %s/error.log\nLogFormat "%%r" short\nCustomLog %s/access.log short\n' "$root" "$root"
        printf 'Listen 127.0.0.1:%s\nProxyRequests On\nAllowCONNECT %s\n' "$port" "$ports"
        printf '<Proxy *>\nRequire all granted\n</Proxy>\n'
    } > "$root/apache.conf"
    server_run "$root/out" apache2 -d "$root" -f "$root/apache.conf" -DFOREGROUND
    forward_proxy_pid=$server_pid
    FORWARD_PROXY=http://127.0.0.1:$port
    server_wait "$port" "$forward_proxy_pid" "$root/error.log"
}

forward_proxy_stop() {
    server_end "$forward_proxy_pid"
    forward_proxy_pid=
}
