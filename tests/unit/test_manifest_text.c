/* Manifests as text: there and back, and what is not believed. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "executor/checkpoint/manifest_text.h"
#include "unit_test.h"

#define HEAD "#mtree\n#recoverd checkpoint 1\n#path=/srv\n"
#define REST " mode=0644 uid=1 gid=2 time=3.000000004"
#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define TOP "./srv type=dir mode=0755 uid=0 gid=0 time=1.000000000\n"
#define FILE_A "./srv/a type=file" REST " size=3 sha256digest=" HASH "\n"

static int parse(const char *text, struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        return manifest_parse(&manifest, strdup(text), err);
}

static void test_there_and_back(void **state) {
        static const char text[] = HEAD
                "#path=/srw\n#exclude=*.log\n#one_file_system\n" TOP "./srv/a type=file" REST
                " size=3 sha256digest=" HASH
                " holes=1 acl=user::rw- acl_default=user::r-- xattr=user.a:Zm8= xattr=user.b:\n"
                "./srv/b\\040b type=link" REST " link=../\\377\n"
                "./srv/c type=file" REST " size=3 hardlink=./srv/a\n"
                "./srv/d type=file" REST " size=0\n"
                "./srv/e type=fifo" REST "\n"
                "./srv/f type=file" REST " size=9 torn=it\\040changes\n"
                "./srw type=file" REST " size=0\n";
        AUTO(manifest_done) struct manifest manifest = {0};
        AUTO_STRBUF struct strbuf again = {0};
        struct error err = {0};
        (void) state;
        assert_int_equal(manifest_parse(&manifest, strdup(text), &err), 0);
        assert_int_equal(manifest.count, 8);
        const struct entry *a = manifest_find(&manifest, "/srv/a");
        assert_int_equal(a->size, 3);
        assert_true(a->holes);
        assert_string_equal(a->xattrs, "xattr=user.a:Zm8= xattr=user.b:");
        assert_string_equal(manifest_find(&manifest, "/srv/b b")->target, "../\xff");
        assert_true(content_hash_equal(&manifest_find(&manifest, "/srv/c")->hash, &a->hash));
        assert_null(manifest_find(&manifest, "/srv/x"));
        manifest_format(&manifest, &again);
        assert_string_equal(strbuf_text(&again), text);
}

static void test_without_times(void **state) {
        AUTO(manifest_done) struct manifest manifest = {0};
        AUTO_STRBUF struct strbuf line = {0};
        struct error err = {0};
        (void) state;
        assert_int_equal(manifest_parse(&manifest, strdup(HEAD TOP), &err), 0);
        entry_format(&manifest.entries[0], &line);
        assert_string_equal(strbuf_text(&line), "./srv type=dir mode=0755 uid=0 gid=0");
}

/* Each is one step from a good one. */
static void test_what_is_not_believed(void **state) {
        static const char *const bad[] = {
                "",
                "#mtree\n#recoverd checkpoint 2\n",
                "#mtree\n#recoverd checkpoint 1\n#path=/\n",
                HEAD "#color=red\n",
                HEAD FILE_A, /* no directory above */
                HEAD TOP FILE_A FILE_A,
                HEAD TOP "./srv/b type=fifo" REST "\n" FILE_A,
                HEAD TOP FILE_A "./srv/a/b type=fifo" REST "\n",
                HEAD TOP "./srv/l type=link" REST " link=/etc\n./srv/l/x type=fifo" REST "\n",
                HEAD TOP "./etc type=fifo" REST "\n",
                HEAD TOP "./srv/../etc type=fifo" REST "\n",
                HEAD TOP "./srv/a type=block" REST "\n",
                HEAD TOP "./srv/a type=file" REST " size=3\n",
                HEAD TOP "./srv/a type=file" REST " size=-3 sha256digest=" HASH "\n",
                HEAD TOP "./srv/a type=file" REST " size=3 sha256digest=ba78\n",
                HEAD TOP "./srv/a type=link" REST "\n",
                HEAD TOP "./srv/a type=fifo" REST " link=x\n",
                HEAD TOP "./srv/a type=fifo" REST " size=1\n",
                HEAD TOP "./srv/a type=file" REST " size=3 hardlink=./srv/b\n",
                HEAD TOP "./srv/a type=fifo" REST " mode=17777\n",
                HEAD TOP "./srv/a type=fifo" REST " color=red\n",
                HEAD TOP "./srv/a type=fifo mode=0644 uid=1 gid=2 time=3.4\n",
                HEAD TOP "./srv/a\\0 type=fifo" REST "\n",
        };
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct error err = {0};
                int r = parse(bad[i], &err);
                if (r != -EBADMSG) {
                        print_message("accepted: %s\n", bad[i]);
                }
                assert_int_equal(r, -EBADMSG);
                assert_int_equal(err.code, EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_without_times),
                cmocka_unit_test(test_what_is_not_believed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
