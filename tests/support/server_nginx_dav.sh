# nginx with WebDAV, which ignores conditions: a PUT with If-None-Match: * writes over what is there.
#
#     nginx_dav_start       # and has $NGINX_URL, of a collection that is not there yet, and $NGINX_FILES
#     nginx_dav_stop
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

nginx_dav_pid=

nginx_dav_start() {
    local root=$tmp/nginx-dav port user=
    free_port
    port=$ret_port
    mkdir -p "$root/files" "$root/temporary"
    [ "$(id -u)" != 0 ] || user="user root;"
    cat > "$root/nginx.conf" << END
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
daemon off; worker_processes 1; pid $root/pid; error_log $root/error.log; $user
events { worker_connections 256; }
http {
    access_log off; client_body_temp_path $root/temporary;
    server {
        listen 127.0.0.1:$port;
        client_max_body_size 1g; root $root/files;
        location / { dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path off; min_delete_depth 0; }
    }
}
END
    server_run "$root/out" nginx -p "$root" -c "$root/nginx.conf" -e "$root/error.log"
    nginx_dav_pid=$server_pid
    NGINX_PORT=$port
    NGINX_URL=http://127.0.0.1:$port/archive
    NGINX_FILES=$root/files/archive
    server_wait "$port" "$nginx_dav_pid" "$root/error.log"
}

nginx_dav_stop() {
    server_end "$nginx_dav_pid"
    nginx_dav_pid=
}
